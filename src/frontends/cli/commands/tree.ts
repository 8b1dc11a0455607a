/** `bay tree`. */

import { shortId } from '../../../model/digest.ts';
import { familiar } from '../../../model/reference.ts';
import { imageLabel, imageTree, type TreeNode } from '../../../operations/image-tree.ts';
import { completeImages } from '../complete-images.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';
import { listText, type Field } from '../list.ts';
import { treeLines } from '../tree-lines.ts';
import { humanSize } from '../units.ts';
import { tableFormat } from './format-help.ts';
import { knownBy } from './known-by.ts';

export const tree = command({
  description: 'Show images as a tree: each under the one that it was made from, and how that is known.',
  operands: { usage: '[IMAGE]', min: 0, max: 1 },
  flags: {
    format: tableFormat,
    json: { type: 'bool', help: 'Print one JSON document' },
    'no-trunc': { type: 'bool', help: "Don't truncate output" },
  },
  examples: [
    ['All images', 'bay tree'],
    ['What was made from one', 'bay tree debian:12'],
  ],
  complete: completeImages,
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    await using store = await openStore(invocation);
    const nodes = await imageTree({ store }, operands[0]);
    if (flags.json) {
      terminal.print(`${JSON.stringify(documents(nodes))}\n`);
      return;
    }
    const lines = treeLines(nodes.map(({ depth }) => depth));
    const rows = nodes.map((node, at): Row => ({ ...node, line: lines[at] ?? '' }));
    terminal.print(
      await listText(rows, {
        format: flags.format,
        fields: fieldsOf(flags.noTrunc),
        columns: ['Image', 'ID', 'Size', 'Containers', 'KnownBy'],
        type: '*formatter.treeContext',
        ...(terminal.isTTY.stdout ? { fit: terminal.columns() } : {}),
      }),
    );
  },
});

interface Row extends TreeNode {
  /** What stands before it. */
  readonly line: string;
}

function fieldsOf(noTrunc: boolean) {
  return {
    Containers: { title: 'CONTAINERS', value: ({ containers }: Row) => containers.map(({ name }) => name).join(', ') },
    Depth: { title: 'DEPTH', value: ({ depth }: Row) => depth },
    ID: { title: 'IMAGE ID', value: ({ digest }: Row) => (noTrunc ? digest : shortId(digest)) },
    Image: { title: 'IMAGE', value: (row: Row) => `${row.line}${row.image?.names.length ? imageLabel(row) : '<none>'}` },
    KnownBy: {
      title: 'KNOWN BY',
      value: ({ relation, again }: Row) => (relation ? `${knownBy(relation)}${again ? ' (see above)' : ''}` : ''),
    },
    Names: { title: 'NAMES', value: ({ image }: Row) => (image?.names ?? []).map(({ reference }) => familiar(reference)).join(',') },
    Size: {
      title: 'SIZE',
      value: ({ image }: Row) => (image ? humanSize(image.size) : ''),
    },
  } satisfies Record<string, Field<Row>>;
}

/** Flat, as deep trees are; `parent` says what each stands under. */
export function documents(nodes: readonly TreeNode[]): readonly object[] {
  const path: string[] = [];
  return nodes.map(({ digest, image, depth, relation, containers, again }) => {
    path.length = depth;
    path[depth] = digest;
    return {
      id: digest,
      names: (image?.names ?? []).map(({ reference }) => familiar(reference)),
      depth,
      parent: path[depth - 1] ?? null,
      how: relation?.how ?? null,
      by: relation?.by ?? null,
      layers: relation?.layers ?? null,
      containers: containers.map(({ id, name, state }) => ({ id, name, state })),
      again,
    };
  });
}
