import type { Readable } from 'node:stream';
import { ImageError } from '../errors.ts';
import { HeaderMaker, type Member, treeTar } from './tree-members.ts';
import type { Union } from './union.ts';

export interface ExportOptions {
  /** What names begin with in place of the path's last part, `/` for a slash alone; '' for none, and no entry for the folder itself, as docker's `export` has it. */
  readonly prefix?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The tree below a path as a tar, in the order of paths. A link that the path names is not followed, unless a slash is behind it.
 *
 * Names begin as in docker's `GET /containers/ID/archive`: with the path's last part as it was asked for (`/etc/ssh` gives `ssh/…`, `/etc/.` gives `./…`); those of the root with
 * a slash alone. Folders have one at the end.
 *
 * @throws ImageError `not-found` where nothing is there
 */
export function exportTar(union: Union, path: string, options: ExportOptions = {}): Readable {
  const found = union.lookup(path);
  if (!found) throw new ImageError('not-found', `no such file or directory: ${path}`);
  const asked = lastPart(union.os === 'windows' ? path.replace(/^[a-z]:/i, '').replaceAll('\\', '/') : path);
  const { prefix = asked === '..' ? lastPart(found.path) : asked } = options;
  return treeTar(members(union, found.path, prefix.replace(/\/+$/, ''), options.prefix === ''), { signal: options.signal });
}

function* members(union: Union, from: string, prefix: string, isBare: boolean): Generator<Member, void, undefined> {
  const headers = new HeaderMaker();
  for (const entry of union.walk(from)) {
    const below = from === '' ? entry.path : entry.path.slice(from.length + 1);
    if (below === '' && isBare && entry.type === 'directory') continue;
    const name = isBare ? below : below === '' ? prefix : `${prefix}/${below}`;
    yield headers.member(entry, entry.type === 'directory' ? `${name}/` : name);
  }
}

/** As Go's filepath.Base gives it, but '' for the root. */
function lastPart(path: string): string {
  return path.replace(/\/+$/, '').split('/').at(-1)!;
}
