/** `--env`, `--env-file`, `--label`, `--label-file`. All throw ImageError `invalid-argument` with docker's texts. */

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { asImageError, ImageError } from '../../../errors.ts';

/** `NAME` alone takes its value from the user's environment, where it has one. */
export function environmentEntry(text: string, env: Readonly<Record<string, string | undefined>>): string {
  const [name = ''] = text.split('=', 1);
  if (name === '') throw new ImageError('invalid-argument', `invalid environment variable: ${text}`);
  const value = env[text];
  return text.includes('=') || value === undefined ? text : `${text}=${value}`;
}

/** Lines of `NAME=value`; comments and empty lines are passed over. With `env` a name alone takes its value from there, or is left out. */
export async function readPairs(
  files: readonly string[],
  cwd: string,
  env?: Readonly<Record<string, string | undefined>>,
): Promise<readonly string[]> {
  const pairs: string[] = [];
  for (const file of files) {
    const text = await readFile(resolve(cwd, file), 'utf8').catch((error: unknown) => {
      throw asImageError(error, `open ${file}`);
    });
    for (const [at, raw] of text
      .replace(/^\uFEFF/, '')
      .split(/\r?\n/)
      .entries()) {
      const line = raw.trimStart();
      if (line === '' || line.startsWith('#')) continue;
      const [name = ''] = line.split('=', 1);
      if (/\s/.test(name)) throw new ImageError('invalid-argument', `variable '${name}' contains whitespaces`);
      if (name === '') throw new ImageError('invalid-argument', `no variable name on line '${line}'`, { detail: { line: at + 1 } });
      if (line.includes('=')) pairs.push(line);
      else if (env === undefined) pairs.push(line);
      else if (env[name] !== undefined) pairs.push(`${name}=${env[name]}`);
    }
  }
  return pairs;
}

/** The last of each key counts. */
export function pairsToMap(pairs: readonly string[]): Record<string, string> {
  const map: Record<string, string> = {};
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const [key, value] = equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return map;
}
