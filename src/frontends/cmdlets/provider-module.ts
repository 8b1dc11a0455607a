import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asImageError, ImageError } from '../../errors.ts';
import { heldOpen } from '../../io/held-open.ts';
import { removeFolder } from '../../io/remove-folder.ts';
import { hasWildcard } from '../../model/wildcard.ts';
import { CmdletError } from './cmdlet-error.ts';

/** Under these names the page's time, and we, know the one package provider that there is here. */
const providerNames: ReadonlySet<string> = new Set(['containerprovider', 'containerimage', 'bayplan']);
const moduleName = 'Bayplan';
/** Which program the module starts: Node, then its file. */
const launcherFile = 'bay.txt';

/** @throws CmdletError in PackageManagement's words */
export function checkProviderName(name: string): void {
  const wrong = (message: string, id: string) =>
    new CmdletError({ message, id, category: 'InvalidArgument', target: name, exceptionType: 'ArgumentException' });
  if (hasWildcard(name))
    throw wrong(
      `The specified name '${name}' should not contain any wildcard characters, please correct it and try again.`,
      'WildCardCharsAreNotSupported',
    );
  if (!providerNames.has(name.toLowerCase()))
    throw wrong(
      `No match was found for the specified search criteria for the provider '${name}'. The package provider requires 'PackageManagement' and 'Provider' tags. Please check if the specified package has the tags.\nThis bay brings one: ContainerProvider.`,
      'NoMatchFoundForProvider',
    );
}

export interface ModuleFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What an installed module consists of: as it was published, and the file that says which bay is its own. @throws ImageError `unsupported` where this bay is not a published one */
export function moduleFiles(): readonly ModuleFile[] {
  // All that is published is in one folder.
  const folder = join(import.meta.dirname, 'powershell', moduleName);
  if (!existsSync(folder))
    throw new ImageError('unsupported', 'This bay runs from its sources, where the PowerShell module is not', {
      hint: '`npm run build` makes it: run dist/bay.js.',
    });
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(folder, name)).isFile());
  const launcher = `${process.execPath}\n${realpathSync(join(import.meta.dirname, 'bay.js'))}\n`;
  return [
    ...names.map((name) => ({ name, bytes: readFileSync(join(folder, name)) })),
    { name: launcherFile, bytes: Buffer.from(launcher) },
  ];
}

/** The folder of the module in a folder of modules. */
export function moduleFolder(modules: string): string {
  return join(modules, moduleName);
}

/** Whether the module is there, file by file. */
export function isInstalled(folder: string, files: readonly ModuleFile[]): boolean {
  return files.every(({ name, bytes }) => existsSync(join(folder, name)) && readFileSync(join(folder, name)).equals(bytes));
}

/** Puts the module there whole, in the place of an older one. @throws ImageError `conflict` where a folder of that name is somebody else's */
export async function putModule(folder: string, files: readonly ModuleFile[]): Promise<void> {
  refuseForeign(folder);
  const draft = `${folder}.${randomBytes(4).toString('hex')}`;
  try {
    for (const { name, bytes } of files) {
      mkdirSync(join(draft, name, '..'), { recursive: true });
      writeFileSync(join(draft, name), bytes);
    }
    if (existsSync(folder)) await replace(folder, draft);
    else renameSync(draft, folder);
  } catch (error) {
    await removeFolder(draft);
    throw asImageError(error, `cannot install the module in ${folder}`);
  }
}

async function replace(folder: string, draft: string): Promise<void> {
  const old = `${draft}.old`;
  try {
    renameSync(folder, old);
  } catch (error) {
    if (!heldOpen(error)) throw error;
    // Windows moves no folder in which somebody is: its files can still be written over.
    cpSync(draft, folder, { recursive: true });
    await removeFolder(draft);
    return;
  }
  renameSync(draft, folder);
  await removeFolder(old);
}

/** @returns false where it is not there. @throws ImageError `conflict` where a folder of that name is somebody else's */
export async function removeModule(folder: string): Promise<boolean> {
  if (!existsSync(folder)) return false;
  refuseForeign(folder);
  if (!(await removeFolder(folder)))
    throw new ImageError('unavailable', `A file of ${folder} is open in another program`, { hint: 'Close that and try again.' });
  return true;
}

function refuseForeign(folder: string): void {
  if (!existsSync(folder) || existsSync(join(folder, launcherFile)) || readdirSync(folder).length === 0) return;
  throw new ImageError('conflict', `${folder} is there and was not installed by bay`, { hint: 'Move it away and try again.' });
}
