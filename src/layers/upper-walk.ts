import { LayerStack, type Node } from './layer-stack.ts';
import type { Row } from './tree-row.ts';
import { joined } from './tree.ts';
import { rootStep, type Union } from './union.ts';
import { foldName, windowsFiles } from './windows.ts';

/** One name that the upper tree says something of. */
export interface UpperStep {
  /** From the union's root, without a slash in front. */
  readonly path: string;
  /** What the upper tree says; undefined where an opaque folder hides what is below and says nothing of it. */
  readonly row: Row | undefined;
  /** What the layers show there by themselves. */
  readonly below: Node | undefined;
  /** The folder's row that it is in. */
  readonly parent: Row;
  /** An opaque folder is on the way to it, or it is one. */
  readonly isHiding: boolean;
}

/** All that the upper tree says, and each name that it hides by saying nothing: folders before what is in them, in the order of names. The root is left out. */
export function* upperWalk(union: Union): Generator<UpperStep, void, undefined> {
  if (!union.upper) return;
  const { index } = union.upper;
  const layers = new LayerStack(union.stack.trees.filter((tree) => tree !== index));
  const root = union.os === 'windows' ? index.child(index.root().inode, foldName(windowsFiles)) : index.root();
  if (!root) return;

  const inside = ({ path, row, below, isHiding }: Pick<UpperStep, 'path' | 'below' | 'isHiding'> & { row: Row }): UpperStep[] => {
    const said = new Map(index.list(row.inode).map(({ key, row }) => [key, row]));
    const steps = [...said].map(([key, child]): UpperStep => ({
      path: joined(path, child.name),
      row: child,
      below: below && layers.child(below, key),
      parent: row,
      isHiding: isHiding || child.opaque,
    }));
    for (const hidden of isHiding && below ? layers.children(below) : []) {
      const { name } = hidden.row;
      if (!said.has(index.key(name))) steps.push({ path: joined(path, name), row: undefined, below: hidden, parent: row, isHiding });
    }
    return steps.sort((a, b) => (a.path < b.path ? 1 : -1));
  };

  const waiting = inside({ path: '', row: root, below: rootStep(layers, union.os)?.node, isHiding: root.opaque });
  for (let step = waiting.pop(); step; step = waiting.pop()) {
    yield step;
    if (step.row?.type === 'directory') for (const next of inside({ ...step, row: step.row })) waiting.push(next);
  }
}
