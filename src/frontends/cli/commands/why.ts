/** `bay why`. */

import { shortId } from '../../../model/digest.ts';
import { familiar } from '../../../model/reference.ts';
import { imageLabel, type TreeNode } from '../../../operations/image-tree.ts';
import { why as whyOf, type Why } from '../../../operations/why.ts';
import { cellWidthFor, cutToWidth } from '../../../io/cell-width.ts';
import { completeImages } from '../complete-images.ts';
import { documentsText } from '../documents.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';
import { printable } from '../../../io/printable.ts';
import { treeLines } from '../tree-lines.ts';
import { documentFormat } from './format-help.ts';
import { knownBy } from './known-by.ts';
import { documents } from './tree.ts';

export const why = command({
  description:
    'Show what needs an image: its names, containers in any state, and the images that were made from it, with what needs those.',
  operands: { usage: 'IMAGE', min: 1, max: 1 },
  flags: {
    format: documentFormat,
    json: { type: 'bool', help: 'Print one JSON document' },
  },
  examples: [
    ['Before a removal', 'bay why debian:12'],
    ['The containers alone', "bay why -f '{{range .Containers}}{{.Name}} {{end}}' debian:12"],
  ],
  complete: completeImages,
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    await using store = await openStore(invocation);
    const [name] = operands;
    const found = await whyOf({ store }, name);
    if (flags.json || (flags.format !== undefined && flags.format !== '')) {
      const text = await documentsText([document(found)], flags.json ? 'json' : flags.format);
      // One document, no list of one.
      terminal.print(flags.json || flags.format === 'json' ? `${text.trimEnd().slice(1, -1)}\n` : text);
      return;
    }
    const lines = whyLines(found, name).map(printable);
    const width = await cellWidthFor(lines);
    const columns = terminal.isTTY.stdout ? terminal.columns() : Infinity;
    terminal.print(lines.map((line) => `${cutToWidth(line, columns, width)}\n`).join(''));
  },
});

interface Line {
  readonly depth: number;
  readonly text: string;
}

function whyLines(found: Why, name: string): readonly string[] {
  const [root, ...rest] = found.nodes;
  if (!root) return [];
  const body: Line[] = [{ depth: 0, text: headOf(root) }, ...needsOf(root)];
  for (const repository of found.repositories) body.push({ depth: 1, text: `shown by its digest in the repository ${repository}` });
  for (const digest of found.listedBy) body.push({ depth: 1, text: `listed by the image ${shortId(digest)}` });
  if (found.work > 0) body.push({ depth: 1, text: `work under way relies on it: ${found.work}` });
  for (const node of rest) {
    const how = node.relation ? knownBy(node.relation) : '';
    body.push({ depth: node.depth, text: `image ${headOf(node)} made from it: ${how}${node.again ? ' (see above)' : ''}` });
    if (!node.again) body.push(...needsOf(node));
  }
  if (body.length === 1) body.push({ depth: 1, text: 'nothing needs it' });
  const prefixes = treeLines(body.map(({ depth }) => depth));
  const { flags } = found;
  return [
    ...body.map(({ text }, at) => `${prefixes[at] ?? ''}${text}`),
    ...(flags.length > 0 ? [`Its removal is refused; with what is in the way: bay rmi ${flags.join(' ')} ${name}`] : []),
  ];
}

function headOf(node: TreeNode): string {
  const { image, digest } = node;
  const first = image?.names[0];
  return first ? `${familiar(first.reference)} (${shortId(digest)})` : imageLabel(node);
}

/** What needs an image directly: its names, and its containers. */
function needsOf({ image, depth, containers }: TreeNode): Line[] {
  const names = (image?.names ?? []).map(({ reference }): Line => ({ depth: depth + 1, text: `name ${familiar(reference)}` }));
  return [...names, ...containers.map(({ name, state }): Line => ({ depth: depth + 1, text: `container ${name} (${state})` }))];
}

function document({ nodes, repositories, listedBy, work, blockedBy }: Why) {
  const [root] = nodes;
  return {
    Id: root?.digest ?? '',
    Names: (root?.image?.names ?? []).map(({ reference }) => familiar(reference)),
    Containers: (root?.containers ?? []).map(({ id, name, state }) => ({ Id: id, Name: name, State: state })),
    Repositories: repositories,
    ListedBy: listedBy,
    Work: work,
    Images: documents(nodes).slice(1),
    BlockedBy: {
      Containers: blockedBy.containers.map(({ id }) => id),
      Images: blockedBy.children.map(({ image }) => image),
    },
  };
}
