import { ImageError } from '../errors.ts';
import { isObject, type Descriptor } from '../model/descriptor.ts';
import { mediaTypes } from '../model/media-types.ts';
import { parseJson } from '../model/manifest.ts';
import { bears, containerdName, refName } from './layout-index.ts';

export const emptyLayoutIndex = formatLayoutIndex([]);

/** An `index.json` of these entries. The same entries are the same bytes. */
export function formatLayoutIndex(entries: readonly Descriptor[]): string {
  return JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: entries });
}

type Entry = Record<string, unknown>;

/**
 * The document with one more name in it; undefined where it has it already. All else stays as other tools wrote it, keys that we do not know too.
 * An entry that had the name keeps its content and loses the name; an entry of the same target without a name is made this one.
 */
export function addName(index: Uint8Array, target: Descriptor, name: string): string | undefined {
  const { document, entries } = read(index);
  const isSame = (entry: Entry) => entry.digest === target.digest;
  const isNamed = (entry: Entry) => name !== '' && bears({ annotations: stringsOf(entry) }, name);
  const after = entries.map((entry) => (isNamed(entry) && !isSame(entry) ? withoutName(entry) : entry));
  if (!after.some((entry) => isSame(entry) && (name === '' || isNamed(entry)))) {
    const named: Entry = name === '' ? { ...target } : { ...target, annotations: { ...target.annotations, [refName]: name } };
    const unnamed = after.findIndex((entry) => isSame(entry) && !stringsOf(entry)[refName] && !stringsOf(entry)[containerdName]);
    if (unnamed >= 0) after[unnamed] = named;
    else after.push(named);
  }
  return changed(document, entries, after);
}

/** The document with an entry for something that refers to an image: a reader finds it no other way. */
export function addReferrer(index: Uint8Array, referrer: Descriptor): string | undefined {
  const { document, entries } = read(index);
  if (entries.some(({ digest }) => digest === referrer.digest)) return undefined;
  return changed(document, entries, [...entries, { ...referrer }]);
}

function read(index: Uint8Array): { document: Entry; entries: readonly Entry[] } {
  const document = parseJson(index, 'index.json');
  if (!isObject(document)) throw new ImageError('invalid-content', 'invalid index.json: not a JSON object');
  if (document.config !== undefined || document.layers !== undefined)
    throw new ImageError('invalid-content', 'invalid index.json: both an index and an image manifest');
  const manifests = document.manifests ?? [];
  if (!Array.isArray(manifests) || !manifests.every(isObject))
    throw new ImageError('invalid-content', 'invalid index.json: manifests is not a list of descriptors');
  return { document, entries: manifests };
}

function changed(document: Entry, before: readonly Entry[], after: readonly Entry[]): string | undefined {
  if (JSON.stringify(before) === JSON.stringify(after)) return undefined;
  return JSON.stringify({ ...document, schemaVersion: 2, manifests: after });
}

function stringsOf({ annotations }: Entry): Readonly<Record<string, string>> {
  if (!isObject(annotations)) return {};
  return Object.fromEntries(Object.entries(annotations).flatMap(([key, value]) => (typeof value === 'string' ? [[key, value]] : [])));
}

function withoutName(entry: Entry): Entry {
  const { annotations, ...rest } = entry;
  if (!isObject(annotations)) return entry;
  const { [refName]: _typed, [containerdName]: _whole, ...kept } = annotations;
  return Object.keys(kept).length > 0 ? { ...rest, annotations: kept } : rest;
}
