import { readdir, stat } from 'node:fs/promises';
import { join, parse, resolve, sep } from 'node:path';
import { hasWildcard, wildcard } from '../../model/wildcard.ts';
import { CmdletError } from './cmdlet-error.ts';
import type { Shell } from './shell.ts';

/**
 * What a path means, whole. A pattern means what fits it, in the order of the names; what is there under the very name, brackets and all, is taken as it is, also a folder on the way:
 * PowerShell's location comes with the path. A path without a pattern need not be there.
 * @throws CmdletError where nothing fits a pattern
 */
export async function existingPaths({ cwd }: Pick<Shell, 'cwd'>, typed: string): Promise<readonly string[]> {
  const whole = resolve(cwd, typed);
  const { root } = parse(whole);
  const parts = whole.slice(root.length).split(sep);
  let folder = root;
  let known = 0;
  for (; known < parts.length; known++) {
    const next = join(folder, parts[known]!);
    if (!(await isThere(next))) break;
    folder = next;
  }
  const rest = parts.slice(known);
  if (!/[*?[`]/.test(rest.join(sep))) return [whole];
  let found: readonly string[] = [folder];
  for (const part of rest) found = (await Promise.all(found.map((folder) => inFolder(folder, part)))).flat();
  if (found.length > 0) return found;
  if (rest.some((part) => hasWildcard(part))) throw pathNotFound(whole, typed);
  return [whole];
}

/** The one folder that a path means. @throws CmdletError where a pattern fits nothing, or more than one */
export async function onePath(shell: Pick<Shell, 'cwd'>, typed: string): Promise<string> {
  const [first = '', ...others] = await existingPaths(shell, typed);
  if (others.length === 0) return first;
  throw new CmdletError({
    message: `'${typed}' is ${others.length + 1} paths: ${[first, ...others].slice(0, 12).join(', ')}\nGive one folder.`,
    id: 'AmbiguousPath',
    category: 'InvalidArgument',
    target: typed,
    exceptionType: 'ArgumentException',
  });
}

export function pathNotFound(path: string, typed: string): CmdletError {
  return new CmdletError({
    message: `Cannot find the path '${path}' because it does not exist`,
    id: 'PathNotFound',
    category: 'InvalidArgument',
    target: typed,
    exceptionType: 'ArgumentException',
  });
}

async function inFolder(folder: string, part: string): Promise<readonly string[]> {
  for (const name of [part, part.replaceAll(/`([^])/g, '$1')]) if (await isThere(join(folder, name))) return [join(folder, name)];
  if (!hasWildcard(part)) return [];
  const matches = wildcard(part);
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => matches(name))
    .toSorted()
    .map((name) => join(folder, name));
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
