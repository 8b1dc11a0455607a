import { setTimeout as after } from 'node:timers/promises';
import { ImageError, isImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import { isObject, type Descriptor } from '../model/descriptor.ts';
import { digestOf, type Digest } from '../model/digest.ts';
import { maxManifestBytes, parseJson, parseManifest } from '../model/manifest.ts';
import { mediaTypes } from '../model/media-types.ts';
import type { RepositoryAccess } from './repository-access.ts';
import { fetchManifest } from './resolve-manifest.ts';
import { putManifest } from './put-manifest.ts';

/**
 * The referrers of a subject in a registry that keeps no list of them: an index under a tag that is made from the subject's digest
 * (distribution-spec, "Referrers Tag Schema").
 */
const maxTries = 6;

/** The algorithm cut to 32 characters, the digits to 64, and what no tag can hold replaced. */
export function referrersTag(subject: Digest): string {
  const [algorithm = '', hex = ''] = subject.split(':');
  return `${algorithm.slice(0, 32)}-${hex.slice(0, 64)}`.replace(/[^A-Za-z0-9._-]/g, '-');
}

/** What the tag lists; nothing where there is no such tag, or something that is not a list. */
export async function readReferrersTag(access: RepositoryAccess, subject: Digest, options: Operation = {}): Promise<readonly Descriptor[]> {
  return (await read(access, subject, options))?.manifests ?? [];
}

/** Puts a referrer on the list. Another client may write the list at the same time, and nothing orders the two: what was written is read again until it holds. */
export async function addToReferrersTag(
  access: RepositoryAccess,
  subject: Descriptor,
  referrer: Descriptor,
  options: Operation = {},
): Promise<void> {
  await change(access, subject.digest, options, (list) =>
    list.some(({ digest }) => digest === referrer.digest) ? undefined : [...list, referrer],
  );
}

/** Takes a referrer off the list; an empty list stays, as deletion of a tag may be forbidden. */
export async function removeFromReferrersTag(
  access: RepositoryAccess,
  subject: Digest,
  referrer: Digest,
  options: Operation = {},
): Promise<void> {
  await change(access, subject, options, (list) => {
    const rest = list.filter(({ digest }) => digest !== referrer);
    return rest.length === list.length ? undefined : rest;
  });
}

interface List {
  readonly document: Readonly<Record<string, unknown>>;
  readonly manifests: readonly Descriptor[];
}

async function read(access: RepositoryAccess, subject: Digest, options: Operation): Promise<List | undefined> {
  try {
    const { bytes, descriptor } = await fetchManifest(access, referrersTag(subject), options);
    const index = parseManifest(bytes, descriptor.mediaType);
    const document = parseJson(bytes, 'list of referrers');
    return index.kind === 'index' && isObject(document) ? { document, manifests: index.manifests } : undefined;
  } catch (error) {
    if (isImageError(error, 'manifest-unknown', 'not-found', 'invalid-content')) return undefined;
    throw error;
  }
}

async function change(
  access: RepositoryAccess,
  subject: Digest,
  options: Operation,
  edit: (list: readonly Descriptor[]) => readonly Descriptor[] | undefined,
): Promise<void> {
  for (let tries = 0; tries < maxTries; tries++) {
    // Each read after a write also looks whether the write has held: `edit` has nothing to do then.
    const current = await read(access, subject, options);
    const manifests = edit(current?.manifests ?? []);
    if (manifests === undefined) return;
    const document = { ...(current?.document ?? { schemaVersion: 2, mediaType: mediaTypes.ociIndex }), manifests };
    const bytes = Buffer.from(JSON.stringify(document));
    if (bytes.length > maxManifestBytes)
      throw new ImageError('too-large', `the list of referrers of ${subject} would be larger than ${maxManifestBytes} bytes`);
    await putManifest(
      access,
      { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length },
      bytes,
      referrersTag(subject),
      options,
    );
    if (tries > 0) await after(Math.random() * 100 * 2 ** tries, undefined, { ref: true });
  }
  const left = edit((await read(access, subject, options))?.manifests ?? []);
  if (left !== undefined)
    throw new ImageError('conflict', `the list of referrers of ${subject} is being changed by others all the time`, {
      hint: 'Push the referrer again.',
    });
}
