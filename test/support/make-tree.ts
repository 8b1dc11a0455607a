/** Trees of layers that a test describes as a tar's members. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';

import type { TarHeader } from '../../src/formats/tar/entry.ts';
import { writeTar, type NewTarMember } from '../../src/formats/tar/write-tar.ts';
import { makeLayerTree, type LayerTreeOptions } from '../../src/layers/layer-tree.ts';
import { Tree } from '../../src/layers/tree.ts';
import type { TreeEntry } from '../../src/layers/tree-entry.ts';
import { Union } from '../../src/layers/union.ts';
import { digestOf } from '../../src/model/digest.ts';
import { temporary } from './temporary.ts';

/** `'etc/'` is a folder, `'a'` a file with this text, `{ … }` anything else. */
export type Listed = string | readonly [path: string, text: string] | (TarHeader & { readonly text?: string | undefined });

function member(listed: Listed): NewTarMember {
  if (typeof listed === 'string') return { entry: { path: listed, type: listed.endsWith('/') ? 'directory' : 'file' } };
  if (Array.isArray(listed)) return { entry: { path: String(listed[0]) }, body: String(listed[1]) };
  const { text, ...entry } = listed as Exclude<Listed, string | readonly [string, string]>;
  return { entry, body: text };
}

export async function tarOf(listed: readonly Listed[]): Promise<Buffer> {
  return Buffer.concat(await writeTar(listed.map(member)).toArray());
}

/** The tree of a layer with these members; closed and removed when the test ends. */
export async function treeOf(
  t: Pick<TestContext, 'after'>,
  layer: readonly Listed[] | Uint8Array,
  options: Partial<LayerTreeOptions> = {},
): Promise<Tree> {
  const folder = await unpackedFolder(t, layer instanceof Uint8Array ? layer : await tarOf(layer), options);
  const tree = Tree.open(folder);
  t.after(() => tree.close());
  return tree;
}

/** The folder that a layer was unpacked to. */
export async function unpackedFolder(
  t: Pick<TestContext, 'after'>,
  tar: Uint8Array,
  options: Partial<LayerTreeOptions> = {},
): Promise<string> {
  const place = temporary(t, 'tree');
  const blob = join(place, 'blob');
  writeFileSync(blob, gzipSync(tar));
  const folder = mkdtempSync(join(place, 'tree-'));
  await makeLayerTree(blob, digestOf(tar), folder, { os: 'linux', ...options });
  return folder;
}

/** What layers of these members show, lowest first. */
export async function unionOf(t: Pick<TestContext, 'after'>, layers: readonly (readonly Listed[])[], os = 'linux'): Promise<Union> {
  const trees: Tree[] = [];
  for (const layer of layers) trees.push(await treeOf(t, layer, { os }));
  return new Union({ layers: trees, os });
}

/** One line for each entry: its path, then what kind it is or what is in it. */
export async function shown(place: { walk(): Iterable<TreeEntry>; open(entry: TreeEntry): AsyncIterable<Uint8Array> }): Promise<string[]> {
  const lines: string[] = [];
  for (const entry of place.walk()) {
    const { path, type, linkTarget } = entry;
    if (path === '') continue;
    if (type === 'file') lines.push(`${path} = ${Buffer.concat(await Array.fromAsync(place.open(entry))).toString()}`);
    else if (type === 'directory') lines.push(`${path}/${entry.opaque ? ' opaque' : ''}${entry.implied ? ' implied' : ''}`);
    else lines.push(`${path} ${type}${linkTarget === undefined ? '' : ` -> ${linkTarget}`}`);
  }
  return lines;
}
