import type { Node } from './layer-stack.ts';
import { type Row, moreOf } from './tree-row.ts';
import type { Union } from './union.ts';
import { upperWalk } from './upper-walk.ts';

export interface Change {
  readonly kind: 'modified' | 'added' | 'deleted';
  /** With a slash in front: `/etc/passwd`. */
  readonly path: string;
}

/**
 * What the upper tree changes, as docker lists it (moby pkg/archive, `ChangesDirs`): all that was added, name by name; of what was removed only the uppermost; a folder is modified
 * if its owner, mode or attributes are, or if anything in it was changed. In the order of paths, folders first; the root is left out.
 *
 * Otherwise than docker, a file that was written again counts as modified also where size and time are the same: a layer made of the changes has it.
 */
export function* changes(union: Union): Generator<Change, void, undefined> {
  const listed = new Set<string>();
  for (const { path, row, below } of upperWalk(union)) {
    const kind = kindOf(row, below);
    if (!kind) continue;
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
      const folder = path.slice(0, slash);
      if (listed.has(folder)) continue;
      listed.add(folder);
      yield { kind: 'modified', path: `/${folder}` };
    }
    if (row?.type === 'directory') listed.add(path);
    yield { kind, path: `/${path}` };
  }
}

function kindOf(row: Row | undefined, below: Node | undefined): Change['kind'] | undefined {
  if (!row || row.type === 'whiteout') return below && 'deleted';
  if (!below) return 'added';
  if (row.type !== 'directory' || below.row.type !== 'directory') return 'modified';
  if (row.implied) return undefined;
  const { attributes } = below;
  const isSame = row.mode === attributes.mode && row.uid === attributes.uid && row.gid === attributes.gid;
  return isSame && records(row) === records(attributes) ? undefined : 'modified';
}

function records(row: Row): string {
  return JSON.stringify(moreOf(row).pax ?? []);
}
