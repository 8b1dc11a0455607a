/**
 * `index.json`, the document that gives an OCI image layout its names (image-spec image-layout.md, "index.json file"), in a folder or a tar.
 *
 * Tools name in different ways: skopeo, buildah and umoci write what the user typed into `org.opencontainers.image.ref.name`
 * (`app`, `app:1`, `docker.io/library/app:1`); docker, containerd and BuildKit write the whole name into `io.containerd.image.name`
 * and only the tag into the other; some write no name at all.
 */
import { ImageError } from '../errors.ts';
import { isObject, parseDescriptor, type Descriptor } from '../model/descriptor.ts';
import { isDigest } from '../model/digest.ts';
import { parseJson } from '../model/manifest.ts';
import { canonical, familiar, parseReference, withDefaultTag, type Reference } from '../model/reference.ts';

export const refName = 'org.opencontainers.image.ref.name';
export const containerdName = 'io.containerd.image.name';
/** What `oci-layout` says. */
export const layoutText = '{"imageLayoutVersion":"1.0.0"}';

/** An image of a place that holds several: what it is, and every name that it has there. */
export interface ImageEntry {
  readonly target: Descriptor;
  /** Canonical references with a tag, as `docker.io/library/debian:12`. */
  readonly names: readonly string[];
}

/** A store of tens of thousands of names has one of 10 MB. */
export const maxLayoutIndexBytes = 32 * 1024 * 1024;

/** @throws ImageError `invalid-content`, `too-large`, saying `where` */
export function parseLayoutIndex(bytes: Uint8Array, where: string): readonly Descriptor[] {
  if (bytes.length > maxLayoutIndexBytes)
    throw new ImageError('too-large', `${where} of ${bytes.length} bytes is larger than ${maxLayoutIndexBytes} bytes`);
  const document = parseJson(bytes, where);
  if (!isObject(document)) throw new ImageError('invalid-content', `invalid ${where}: not a JSON object`);
  if (document.config !== undefined || document.layers !== undefined)
    throw new ImageError('invalid-content', `invalid ${where}: both an index and an image manifest`);
  const { manifests } = document;
  if (manifests === undefined || manifests === null) return [];
  if (!Array.isArray(manifests)) throw new ImageError('invalid-content', `invalid ${where}: manifests is not a list`);
  return manifests.map((entry, at) => parseDescriptor(entry, `${where}: manifests[${at}]`));
}

/** @throws ImageError `invalid-content`, `unsupported` where this is the layout of a later time */
export function checkLayoutVersion(bytes: Uint8Array, where: string): void {
  const document = parseJson(bytes, where);
  const version = isObject(document) ? document.imageLayoutVersion : undefined;
  if (typeof version !== 'string') throw new ImageError('invalid-content', `invalid ${where}: no imageLayoutVersion`);
  if (!/^1\./.test(version))
    throw new ImageError(
      'unsupported',
      `${where}: image layout version ${JSON.stringify(version.slice(0, 40))} is not known here, only 1.0.0 is`,
    );
}

/** The references that an entry's annotations give, whole and with a tag; none where it is unnamed or its name is no such reference. */
export function entryNames(entry: Pick<Descriptor, 'annotations'>): readonly string[] {
  const whole = asReference(entry.annotations?.[containerdName]);
  const typed = entry.annotations?.[refName];
  const names = new Set<string>();
  if (whole?.tag !== undefined) names.add(tagged(whole));
  // beside a whole name the other is its tag alone, and only says it again
  if (typed !== undefined && (whole === undefined || typed !== whole.tag)) {
    const reference = asReference(typed);
    if (reference?.tag !== undefined) names.add(tagged(reference));
  }
  return [...names];
}

function tagged({ digest: _digest, ...reference }: Reference): string {
  return canonical(reference);
}

/** Entries of the same target as one, with all their names, in the document's order. */
export function groupEntries(entries: readonly Descriptor[]): readonly ImageEntry[] {
  const groups = new Map<string, { target: Descriptor; names: Set<string> }>();
  for (const entry of entries) {
    const group = groups.get(entry.digest) ?? { target: withoutNames(entry), names: new Set<string>() };
    for (const name of entryNames(entry)) group.names.add(name);
    groups.set(entry.digest, group);
  }
  return [...groups.values()].map(({ target, names }) => ({ target, names: [...names] }));
}

/** The descriptor as it is without a place's names for it. */
export function withoutNames(entry: Descriptor): Descriptor {
  if (!entry.annotations) return entry;
  const { [refName]: _typed, [containerdName]: _whole, ...annotations } = entry.annotations;
  const { annotations: _all, ...rest } = entry;
  return Object.keys(annotations).length > 0 ? { ...rest, annotations } : rest;
}

/**
 * The entry that a user means: the one of this name, before one of which this is the tag; `@N` is the entry of that number, nothing is the only entry.
 * A digest is looked for among the entries only. Undefined where none is meant.
 * @throws ImageError `ambiguous` where several images are meant
 */
export function findEntry(entries: readonly Descriptor[], name: string, where: string): Descriptor | undefined {
  if (name === '') {
    const targets = new Map(entries.map((entry) => [entry.digest, entry]));
    if (targets.size <= 1) return entries[0];
    throw ambiguous(`${where} has ${targets.size} images`, entries);
  }
  const number = /^@(\d{1,9})$/.exec(name);
  if (number) return entries[Number(number[1])];
  const bare = name.startsWith('@') ? name.slice(1) : name;
  if (isDigest(bare)) return entries.find(({ digest }) => digest === bare);

  const wanted = asReference(name);
  const ways: ((entry: Descriptor) => boolean)[] = [
    (entry) => isLetterFor(entry, name),
    (entry) => bears(entry, name),
    (entry) => entry.annotations?.[refName] === name,
    (entry) => wanted?.digest !== undefined && entry.digest === wanted.digest,
  ];
  for (const means of ways) {
    const found = entries.filter(means);
    if (new Set(found.map(({ digest }) => digest)).size > 1)
      throw ambiguous(`${JSON.stringify(name)} is the name of several images in ${where}`, found);
    if (found[0]) return found[0];
  }
  return undefined;
}

/** True where this is the entry's name, to the letter or as the same reference in another spelling. A tag beside a whole name is not a name of its own. */
export function bears(entry: Pick<Descriptor, 'annotations'>, name: string): boolean {
  if (isLetterFor(entry, name)) return true;
  const wanted = asReference(name);
  return wanted?.tag !== undefined && entryNames(entry).includes(tagged(wanted));
}

function isLetterFor({ annotations }: Pick<Descriptor, 'annotations'>, name: string): boolean {
  return annotations?.[containerdName] === name || (annotations?.[containerdName] === undefined && annotations?.[refName] === name);
}

/** What there is, for a hint: at most ten. */
export function listed(entries: readonly Descriptor[]): string {
  const names = entries.map((entry) => {
    const [first] = entryNames(entry);
    return first === undefined ? (entry.annotations?.[refName] ?? `@${entry.digest}`) : familiar(parseReference(first));
  });
  const unique = [...new Set(names)];
  return unique.length > 10 ? `${unique.slice(0, 10).join(', ')} and ${unique.length - 10} more` : unique.join(', ');
}

function ambiguous(message: string, entries: readonly Descriptor[]): ImageError {
  return new ImageError('ambiguous', message, {
    hint: `Name one: ${listed(entries)}. @N is the entry of that number, @sha256:… the one of that digest.`,
  });
}

function asReference(text: string | undefined): Reference | undefined {
  if (text === undefined) return undefined;
  try {
    return withDefaultTag(parseReference(text));
  } catch (error) {
    if (error instanceof ImageError) return undefined; // a name of another kind: found only to the letter
    throw error;
  }
}
