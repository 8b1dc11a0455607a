import { stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

/**
 * The file that Windows would run for a bare program name, by `PATH` and `PATHEXT`; undefined where there is none. Unlike what Node and the system do by themselves it never
 * looks into the working folder, where anybody may have put a program of that name, and it finds batch files.
 */
export async function findProgram(name: string, env: Readonly<Record<string, string | undefined>>): Promise<string | undefined> {
  const endings = (valueOf(env, 'PATHEXT') || '.COM;.EXE;.BAT;.CMD').split(';').filter((ending) => /^\.\w+$/.test(ending));
  for (const entry of (valueOf(env, 'PATH') ?? '').split(delimiter)) {
    const folder = entry.replaceAll('"', '');
    if (!isAbsolute(folder)) continue;
    for (const ending of endings) {
      const file = join(folder, name + ending.toLowerCase());
      if (await isFile(file)) return file;
    }
  }
  return undefined;
}

/** Windows' variables have no case; a copy of its environment has lost that. */
function valueOf(env: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  return env[name] ?? Object.entries(env).find(([key]) => key.toUpperCase() === name)?.[1];
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false; // a folder of PATH that is not there, or is not ours to see
  }
}
