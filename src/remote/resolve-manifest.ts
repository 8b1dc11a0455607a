import { ImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import { digestMismatch } from '../io/verified.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestAlgorithm, digestOf, isDigest, type Digest } from '../model/digest.ts';
import { bareMediaType, maxManifestBytes, parseManifest } from '../model/manifest.ts';
import { acceptedManifests, isManifestType } from '../model/media-types.ts';
import { isTag } from '../model/reference.ts';
import { discard, readBody } from './body.ts';
import { isPacked } from './content-coding.ts';
import { explainDenial, manifestError, repositoryUrl, scope, type RepositoryAccess } from './repository-access.ts';
import type { Method, WireResponse } from './transport.ts';

/**
 * What a tag or digest points at. HEAD first, as registries do not count it against pull limits; GET where that gives no digest, or fails, as a HEAD's
 * failure has no words. A digest is the registry's word until the bytes are verified, which whoever keeps them does.
 */
export async function resolveManifest(access: RepositoryAccess, name: string, options: Operation = {}): Promise<Descriptor> {
  if (!isDigest(name) && !isTag(name))
    throw new ImageError('invalid-reference', `${JSON.stringify(name.slice(0, 160))} is neither a tag nor a digest`);
  const head = await ask(access, 'HEAD', name, options);
  if (head.status === 429) throw await manifestError(access, head, name);
  discard(head);
  return (head.status === 200 ? described(head, name) : undefined) ?? (await fetchManifest(access, name, options)).descriptor;
}

export interface FetchedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** A manifest whole, its digest calculated. @throws ImageError `digest-mismatch` where that is not what was asked for or what the registry says */
export async function fetchManifest(access: RepositoryAccess, name: string, options: Operation = {}): Promise<FetchedManifest> {
  const response = await ask(access, 'GET', name, options);
  if (response.status !== 200) throw await manifestError(access, response, name);
  const bytes = await readBody(
    response,
    maxManifestBytes,
    access.idle,
    `the manifest ${name} of ${access.reference.repository}`,
    options.signal,
  );
  const named = response.headers['docker-content-digest'];
  const expected: Digest | undefined = isDigest(name) ? name : isDigest(named) ? named : undefined;
  const digest = digestOf(bytes, expected === undefined ? 'sha256' : digestAlgorithm(expected));
  if (expected !== undefined && digest !== expected) throw digestMismatch({ digest: expected }, digest);
  const outside = bareMediaType(response.headers['content-type'] ?? '');
  const { mediaType, artifactType } = parseManifest(bytes, isManifestType(outside) ? outside : undefined);
  return { descriptor: { mediaType, digest, size: bytes.length, ...(artifactType === undefined ? {} : { artifactType }) }, bytes };
}

async function ask(access: RepositoryAccess, method: Method, name: string, { signal }: Operation): Promise<WireResponse> {
  try {
    return await access.pull({
      method,
      url: repositoryUrl(access.origin, `manifests/${name}`),
      headers: { accept: acceptedManifests },
      scopes: scope(access.origin, 'pull'),
      purpose: isDigest(name) ? 'pull' : 'resolve',
      signal,
    });
  } catch (error) {
    throw await explainDenial(access, error);
  }
}

function described(head: WireResponse, name: string): Descriptor | undefined {
  const mediaType = bareMediaType(head.headers['content-type'] ?? '');
  const named = head.headers['docker-content-digest'];
  const length = head.headers['content-length'] ?? '';
  if (!isManifestType(mediaType) || !isDigest(named) || !/^\d{1,9}$/.test(length) || isPacked(head)) return undefined;
  if (Number(length) > maxManifestBytes)
    throw new ImageError('too-large', `the manifest ${name} of ${length} bytes is larger than ${maxManifestBytes} bytes`);
  if (!isDigest(name)) return { mediaType, digest: named, size: Number(length) };
  if (named !== name && digestAlgorithm(named) === digestAlgorithm(name)) throw digestMismatch({ digest: name }, named);
  return { mediaType, digest: name, size: Number(length) };
}
