import { containerdName, refName } from '../content/layout-index.ts';
import { ImageError } from '../errors.ts';
import { isObject, parseDescriptor, type Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import { isManifestType, mediaTypes } from '../model/media-types.ts';
import { canonical, familiar, parseReference, withDefaultTag, type Reference } from '../model/reference.ts';
import { nameKey } from './name-key.ts';

/**
 * `index.json` of an image layout (image-spec image-layout.md, "index.json File"): an index whose entries carry their names in annotations.
 *
 * Tools name entries as they like. skopeo, umoci, crane, oras and podman write `org.opencontainers.image.ref.name` as the user typed it (`app`, `app:latest`, `host/app:1`, a bare tag);
 * containerd and docker write the whole name as `io.containerd.image.name`, and the tag alone beside it. What can be read as a reference is a name of ours;
 * what cannot is kept as it was typed.
 *
 * We write both, and so know our own entries again in a file that another tool has written: it keeps what it found, and gives its own the one that it knows.
 */

export interface IndexEntry {
  readonly target: Descriptor;
  readonly name: Reference | undefined;
  /** As it was typed, where that is another text than ours. */
  readonly typed: string | undefined;
  /** Written by us, then or now, as far as can be told. */
  readonly own: boolean;
}

export interface IndexFile {
  readonly entries: readonly IndexEntry[];
  /** What is not ours to understand: entries of other kinds, keys of other tools. */
  readonly foreign: Foreign;
}

export interface Foreign {
  readonly entries: readonly unknown[];
  readonly keys: Readonly<Record<string, unknown>>;
}

/** @throws ImageError `invalid-content`, also for a file that is just being written */
export function parseIndexFile(bytes: Uint8Array): IndexFile {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ImageError('invalid-content', 'index.json is not JSON', { cause });
  }
  if (!isObject(document)) throw new ImageError('invalid-content', 'index.json is not an object');
  const { schemaVersion: _schemaVersion, mediaType: _mediaType, manifests, ...keys } = document;
  const entries: IndexEntry[] = [];
  const strange: unknown[] = [];
  for (const value of Array.isArray(manifests) ? (manifests as unknown[]) : []) {
    const entry = parseEntry(value);
    if (entry) entries.push(entry);
    else strange.push(value);
  }
  return { entries, foreign: { entries: strange, keys } };
}

function parseEntry(value: unknown): IndexEntry | undefined {
  let target: Descriptor;
  try {
    target = parseDescriptor(value, 'index.json');
  } catch (error) {
    if (error instanceof ImageError) return undefined;
    throw error;
  }
  if (!isManifestType(target.mediaType)) return undefined;
  const typed = target.annotations?.[refName];
  const whole = readName(target.annotations?.[containerdName], target.digest);
  const name = readName(typed, target.digest);
  const same = name !== undefined && whole !== undefined && canonical(name) === canonical(whole);
  // A tag beside a whole name says nothing more; another name beside it was written over ours by a tool that keeps what it does not know.
  if (whole && (typed === undefined || typed === whole.tag || same))
    return {
      target,
      name: whole,
      typed: typed === undefined || typed === whole.tag || typed === familiar(whole) ? undefined : typed,
      own: same,
    };
  return { target, name, typed: typed === undefined || (name && typed === familiar(name)) ? undefined : typed, own: false };
}

function readName(text: string | undefined, digest: Digest): Reference | undefined {
  if (text === undefined) return undefined;
  try {
    const reference = withDefaultTag(parseReference(text));
    return reference.digest === undefined || reference.digest === digest ? reference : undefined;
  } catch (error) {
    if (error instanceof ImageError) return undefined;
    throw error;
  }
}

/** What index.json is made from. */
export interface ShownName {
  readonly target: Pick<Descriptor, 'mediaType' | 'digest' | 'size'>;
  readonly name?: Reference;
  readonly typed?: string;
}

export function formatIndexFile(shown: readonly ShownName[], foreign: Foreign): string {
  const manifests = shown.map(({ target: { mediaType, digest, size }, name, typed }) => {
    const annotations = {
      ...(name || typed !== undefined ? { [refName]: typed ?? (name && familiar(name)) } : {}),
      ...(name ? { [containerdName]: canonical(name) } : {}),
    };
    return JSON.stringify({ mediaType, digest, size, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) });
  });
  for (const entry of foreign.entries) manifests.push(JSON.stringify(entry));
  const keys = Object.entries(foreign.keys).map(([key, value]) => `,${JSON.stringify(key)}:${JSON.stringify(value)}`);
  return `{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","manifests":[${manifests.length > 0 ? `\n${manifests.join(',\n')}\n` : ''}]${keys.join('')}}\n`;
}

/** The key of a name in maps: the columns that it is kept under, as one text. */
export function nameText(reference: Reference): string {
  const { repo, tag } = nameKey(reference);
  return `${repo}\n${tag}`;
}
