import type { WimEntry } from '../formats/wim/wim-entry.ts';
import { wimAttributes } from '../formats/wim/wim-entry.ts';
import { unixDataOf } from '../formats/wim/wim-items.ts';
import { formatRoot, wimRecords } from './wim-records.ts';
import { foldName, windowsFiles } from './windows.ts';

/** The tree of one of a WIM's images, as `formats/wim` reads it. */
export interface EntryTree {
  readonly root: WimEntry;
  children(entry: WimEntry): Iterable<WimEntry>;
}

/** Of which kind a tree is: `layer` has the roots of a Windows layer, `volume` is a drive of Windows, `linux` is every other. */
export type WimShape = 'layer' | 'volume' | 'linux';

/** What becomes one layer. */
export interface TreesOfLayer {
  readonly shape: WimShape;
  readonly tree: EntryTree;
  /** The system that isolates by Hyper-V: with Windows only. */
  readonly utility?: EntryTree | undefined;
}

/** An entry in its place in the layer. */
export interface PlacedEntry {
  readonly tree: EntryTree;
  /** As the tree has it: see `wholeEntry`. */
  readonly entry: WimEntry;
  /** In the layer, without slashes at its ends; '' is the root of a Linux layer. */
  readonly path: string;
  /** The entry that has the bytes of this one, where it is another name of a file: the path that was walked before. */
  readonly linkTo?: string | undefined;
  readonly more?: Readonly<Record<string, string>> | undefined;
}

/** Folders at the root of a Windows drive. */
const drives: ReadonlySet<string> = new Set(['WINDOWS', 'USERS', 'PROGRAM FILES']);

/**
 * Where UNIX owners and modes are, it is a Linux tree; else the folder `Files` at the root makes it a layer, and `Windows`, `Users` or `Program Files` there, or the WIM's own word, a drive.
 * @param isWindows the WIM says that it has Windows in it; undefined where it says nothing
 */
export function shapeOf(tree: EntryTree, isWindows: boolean | undefined): WimShape {
  if (unixDataOf(tree.root.items)) return 'linux';
  let isDrive = isWindows === true;
  for (const { name, attributes } of tree.children(tree.root)) {
    if ((attributes & wimAttributes.directory) === 0) continue;
    if (name === windowsFiles && isWindows !== false) return 'layer';
    isDrive ||= isWindows !== false && drives.has(name.toUpperCase());
  }
  return isDrive ? 'volume' : 'linux';
}

export function osOf(shape: WimShape): 'windows' | 'linux' {
  return shape === 'linux' ? 'linux' : 'windows';
}

/** Numbers of files that stand in the layer under several names, of each tree. */
export type LinkGroups = ReadonlyMap<EntryTree, ReadonlySet<bigint>>;

/**
 * All entries in the order of the layer's tar: folders before what is in them, names in the order of their UTF-16 code units, whatever order the WIM has.
 * A Windows layer gets what it must have: `Files` and `Hives`, the base hives out of the system's folder where the WIM has none, and `UtilityVM` over its own tree.
 * @param links groups of which it is known that they have several names; without it none is linked
 */
export function* walkLayer(trees: TreesOfLayer, links: LinkGroups = new Map()): Generator<PlacedEntry, void, undefined> {
  const waiting: Branch[] = rootsOf(trees).reverse();
  const firsts = new Map<EntryTree, Map<bigint, PlacedEntry>>();
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { entry, path, more, tree } = next;
    yield { tree, entry, path, more, linkTo: linked(next, links.get(tree), firsts) };
    const children = next.children ?? (isFolder(entry) ? branches(tree, path, tree.children(entry)) : []);
    for (const child of children.reverse()) waiting.push(child);
  }
}

interface Branch extends PlacedEntry {
  /** Where they are others than the tree's; in order. */
  readonly children?: Branch[] | undefined;
}

function isFolder({ attributes }: WimEntry): boolean {
  return (attributes & wimAttributes.directory) !== 0 && (attributes & wimAttributes.reparsePoint) === 0;
}

function branches(tree: EntryTree, path: string, entries: Iterable<WimEntry>): Branch[] {
  const prefix = path === '' ? '' : `${path}/`;
  return inOrder(Array.from(entries, (entry) => ({ tree, entry, path: prefix + entry.name })));
}

/** Of one folder. */
function inOrder(found: Branch[]): Branch[] {
  return found.sort(({ path: a }, { path: b }) => (a < b ? -1 : a > b ? 1 : 0));
}

function rootsOf({ shape, tree, utility }: TreesOfLayer): Branch[] {
  const { root } = tree;
  if (shape === 'linux') return [{ tree, entry: root, path: '' }];
  const roots =
    shape === 'layer' ? branches(tree, '', tree.children(root)) : [{ tree, entry: renamed(root, windowsFiles), path: windowsFiles }];
  // A drive's root is asked for what is in it as what it is, not under its new name.
  const drive = shape === 'volume' ? [{ ...roots[0]!, children: branches(tree, windowsFiles, tree.children(root)) }] : roots;
  return inOrder([...withHives(tree, drive, shape === 'layer'), ...(utility ? [utilityOf(utility)] : [])]);
}

const made = { [wimRecords.made]: '1' };
/** The hives that the system's folder has, and what they are called in a base layer. */
const hives = [
  ['DEFAULT', 'DefaultUser_Base'],
  ['SAM', 'Sam_Base'],
  ['SECURITY', 'Security_Base'],
  ['SOFTWARE', 'Software_Base'],
  ['SYSTEM', 'System_Base'],
] as const;

function withHives(tree: EntryTree, roots: readonly Branch[], isLayer: boolean): Branch[] {
  const files = roots.find(({ path }) => path === windowsFiles)!;
  const config = ['WINDOWS', 'SYSTEM32', 'CONFIG'].reduce<WimEntry | undefined>(
    (folder, key) => folder && childOf(tree, folder, key),
    isLayer ? files.entry : tree.root,
  );
  const there = roots.find(({ path }) => path === 'Hives');
  const known = there ? branches(tree, 'Hives', tree.children(there.entry)) : [];
  const copies = hives.flatMap(([from, name]): Branch[] => {
    const source = config && childOf(tree, config, from);
    if (!source || isFolder(source) || source.reparse || known.some(({ entry }) => foldName(entry.name) === foldName(name))) return [];
    return [{ tree, entry: renamed(source, name), path: `Hives/${name}`, more: made }];
  });
  const folder = there ?? { tree, entry: plainFolder('Hives', config ?? tree.root), path: 'Hives', more: made };
  const marked = isLayer ? { ...files, more: { [wimRecords.root]: formatRoot(tree.root) } } : files;
  return [
    ...roots.filter((root) => root !== there).map((root) => (root === files ? marked : root)),
    { ...folder, children: inOrder([...known, ...copies]) },
  ];
}

function utilityOf(tree: EntryTree): Branch {
  const entry = renamed(tree.root, windowsFiles);
  const files: Branch = { tree, entry, path: 'UtilityVM/Files', children: branches(tree, 'UtilityVM/Files', tree.children(tree.root)) };
  return { tree, entry: plainFolder('UtilityVM', tree.root), path: 'UtilityVM', more: made, children: [files] };
}

/** All that an entry says, at once: a tree's own is read from the file's bytes each time that it is asked. */
export function wholeEntry(entry: WimEntry): WimEntry {
  const { name, shortName, attributes, descriptor, created, accessed, written, data, streams, reparse, linkGroup, items, unknown54 } =
    entry;
  return { name, shortName, attributes, descriptor, created, accessed, written, data, streams, reparse, linkGroup, items, unknown54 };
}

/** As an entry of its own. */
function renamed(entry: WimEntry, name: string): WimEntry {
  return { ...wholeEntry(entry), name, shortName: '', linkGroup: 0n };
}

/** A folder with the descriptor and times of another. */
function plainFolder(name: string, { descriptor, created, accessed, written }: WimEntry): WimEntry {
  const { directory: attributes } = wimAttributes;
  return { name, shortName: '', attributes, descriptor, created, accessed, written, streams: [], linkGroup: 0n, items: [], unknown54: 0 };
}

function childOf(tree: EntryTree, folder: WimEntry, key: string): WimEntry | undefined {
  for (const entry of tree.children(folder)) if (foldName(entry.name) === key) return entry;
  return undefined;
}

/** The path of the same file's first name. */
function linked(
  branch: Branch,
  groups: ReadonlySet<bigint> | undefined,
  firsts: Map<EntryTree, Map<bigint, PlacedEntry>>,
): string | undefined {
  const { tree, entry, path } = branch;
  if (!mayBeLinked(entry, path) || !groups?.has(entry.linkGroup)) return undefined;
  const known = firsts.get(tree) ?? new Map<bigint, PlacedEntry>();
  firsts.set(tree, known);
  const first = known.get(entry.linkGroup);
  if (!first) known.set(entry.linkGroup, branch);
  return first && isSameFile(first.entry, entry) ? first.path : undefined;
}

/** No folder or reparse point has several names, and nothing outside the two places that Windows allows it. */
export function mayBeLinked({ attributes, linkGroup }: Pick<WimEntry, 'attributes' | 'linkGroup'>, path: string): boolean {
  return linkGroup !== 0n && (attributes & (wimAttributes.directory | wimAttributes.reparsePoint)) === 0 && !path.startsWith('Hives/');
}

/** There are WIMs whose numbers of links are wrong: names are of one file only where all else is the same too. */
function isSameFile(a: WimEntry, b: WimEntry): boolean {
  return (
    a.data?.sha1 === b.data?.sha1 &&
    a.attributes === b.attributes &&
    a.created === b.created &&
    a.accessed === b.accessed &&
    a.written === b.written &&
    a.streams.length === b.streams.length &&
    a.streams.every(({ name, data }, at) => name === b.streams[at]!.name && data.sha1 === b.streams[at]!.data.sha1) &&
    isSame(a.descriptor, b.descriptor) &&
    a.items.length === b.items.length &&
    a.items.every(({ tag, data }, at) => tag === b.items[at]!.tag && isSame(data, b.items[at]!.data))
  );
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && Buffer.compare(a, b) === 0);
}
