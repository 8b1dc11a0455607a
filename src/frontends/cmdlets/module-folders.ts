import { spawnSync } from 'node:child_process';
import { posix, win32 } from 'node:path';
import { userFolder } from '../../io/user-folder.ts';

export type ModuleScope = 'CurrentUser' | 'AllUsers';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The folders of modules that PowerShell looks into by itself (about_PSModulePath): one elsewhere, one for each of the two editions on Windows.
 * @param documents the user's folder of documents on Windows, which can be anywhere
 */
export function moduleFolders(
  scope: ModuleScope,
  env: Environment,
  system = process.platform,
  documents = documentsFolder,
): readonly string[] {
  if (system !== 'win32') {
    const { isAbsolute, join } = posix;
    if (scope === 'AllUsers') return ['/usr/local/share/powershell/Modules'];
    const data = env['XDG_DATA_HOME'];
    return [join(data && isAbsolute(data) ? data : join(env['HOME'] || userFolder(), '.local', 'share'), 'powershell', 'Modules')];
  }
  const { join } = win32;
  const editions = ['PowerShell', 'WindowsPowerShell'];
  if (scope === 'AllUsers') {
    const programs = env['ProgramFiles'] || env['PROGRAMFILES'] || String.raw`C:\Program Files`;
    return editions.map((edition) => join(programs, edition, 'Modules'));
  }
  const profile = env['USERPROFILE'] || userFolder();
  // A PowerShell that started us knows where its own is.
  const told = (env['PSModulePath'] ?? '').split(';').map((entry) => win32.normalize(entry).replace(/\\$/, ''));
  const mine = (entry: string): boolean => entry.toLowerCase().startsWith(`${win32.normalize(profile).toLowerCase()}\\`);
  return editions.map(
    (edition) =>
      told.find((entry) => mine(entry) && entry.toLowerCase().endsWith(`\\${edition.toLowerCase()}\\modules`)) ??
      join(documents(env, profile), edition, 'Modules'),
  );
}

/** Windows lets the user move it, to OneDrive for example; the registry knows. */
function documentsFolder(env: Environment, profile: string): string {
  const key = String.raw`HKCU\Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders`;
  const program = win32.join(env['SystemRoot'] || env['SYSTEMROOT'] || String.raw`C:\Windows`, 'System32', 'reg.exe');
  const { stdout } = spawnSync(program, ['query', key, '/v', 'Personal'], { encoding: 'utf8', timeout: 10_000, windowsHide: true });
  const [, folder = ''] = /\sPersonal\s+REG_(?:EXPAND_)?SZ\s+(.+?)\s*$/m.exec(stdout ?? '') ?? [];
  const expanded = folder.replace(/%([^%]+)%/g, (whole, name: string) => {
    const found = Object.entries(env).find(([key_]) => key_.toUpperCase() === name.toUpperCase());
    return found?.[1] ?? whole;
  });
  return win32.isAbsolute(expanded) && !expanded.includes('%') ? expanded : win32.join(profile, 'Documents');
}
