import type { Operation } from '../io/operation.ts';
import { readVerified } from '../io/verified.ts';
import { isImageError } from '../errors.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import { isManifestType } from '../model/media-types.ts';
import { maxManifestBytes, parseManifest, type Index, type Manifest } from '../model/manifest.ts';
import type { ImageSource } from './image-source.ts';
import { successors } from './successors.ts';

/** Who refers to what, among the manifests that a place's entries reach: for places that keep no such list. */
export type Referrers = ReadonlyMap<Digest, readonly Descriptor[]>;

/** Reads every manifest below `roots` once. What is not there is passed over: an index may name platforms that were left out. */
export async function walkReferrers(source: Pick<ImageSource, 'open'>, roots: readonly Descriptor[], operation: Operation = {}): Promise<Referrers> {
  const found = new Map<Digest, Descriptor[]>();
  const seen = new Set<Digest>();
  const waiting = [...roots];
  for (let target = waiting.pop(); target; target = waiting.pop()) {
    if (seen.has(target.digest) || !isManifestType(target.mediaType)) continue;
    seen.add(target.digest);
    const document = await readPresent(source, target, operation);
    if (!document) continue;
    waiting.push(...successors(document));
    if (!document.subject) continue;
    const referrers = found.get(document.subject.digest) ?? [];
    referrers.push(asReferrer(target, document));
    found.set(document.subject.digest, referrers);
  }
  for (const referrers of found.values()) referrers.sort((a, b) => (a.digest < b.digest ? -1 : 1));
  return found;
}

async function readPresent(source: Pick<ImageSource, 'open'>, target: Descriptor, operation: Operation): Promise<Manifest | Index | undefined> {
  try {
    return parseManifest(await readVerified(() => source.open(target, operation), target, maxManifestBytes), target.mediaType);
  } catch (error) {
    if (isImageError(error, 'blob-unknown', 'manifest-unknown', 'not-found')) return undefined;
    throw error;
  }
}

/** As a registry lists it: distribution-spec, "Listing Referrers". */
export function asReferrer({ mediaType, digest, size }: Descriptor, document: Manifest | Index): Descriptor {
  const artifactType = document.artifactType ?? (document.kind === 'manifest' ? document.config.mediaType : undefined);
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(document.annotations ? { annotations: document.annotations } : {}),
  };
}
