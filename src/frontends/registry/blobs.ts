import { ImageError, isImageError } from '../../errors.ts';
import type { Repository } from '../../content/repository.ts';
import { readVerified } from '../../io/verified.ts';
import type { Descriptor } from '../../model/descriptor.ts';
import { parseDigest, type Digest } from '../../model/digest.ts';
import { isManifestType } from '../../model/media-types.ts';
import { apiVersion, emptyAnswer, type Answer } from './answer.ts';
import { parseRange } from './byte-range.ts';
import type { Exchange } from './exchange.ts';
import { errorAnswer } from './failure.ts';

/** Blobs up to this size are kept in memory: configs and small layers, which are asked for most often. */
const smallBlob = 256 * 1024;

/** distribution-spec, "Pulling blobs", with ranges. */
export async function getBlob(exchange: Exchange, name: string, digestText: string): Promise<Answer> {
  const digest = parseDigest(digestText);
  const repository = exchange.repository(name);
  const target = await blobIn(repository, digest);
  const { headers: asked, method } = exchange.request;
  const headers = {
    ...apiVersion,
    'Content-Type': 'application/octet-stream',
    'Content-Length': target.size,
    'Docker-Content-Digest': digest,
    ETag: `"${digest}"`,
    'Accept-Ranges': 'bytes',
    // A digest's bytes never change; `nosniff` as they may be anything, a page with scripts too.
    'Cache-Control': 'max-age=31536000, immutable',
    'X-Content-Type-Options': 'nosniff',
    ...exchange.namespaceHeader,
  };
  // Ranges are GET's alone (RFC 9110 §14.2); If-Range asks for the whole where the client's part is of something else (§13.1.5).
  const ranged = method === 'GET' && asked.range !== undefined && (asked['if-range'] === undefined || asked['if-range'] === headers.ETag);
  const range = ranged ? parseRange(asked.range, target.size) : undefined;
  if (range === 'unsatisfiable') {
    return errorAnswer(416, 'SIZE_INVALID', `the blob has ${target.size} bytes`, undefined, { 'Content-Range': `bytes */${target.size}` });
  }
  const { offset, length } = range ?? { offset: 0, length: target.size };
  const status = range ? 206 : 200;
  const all = range
    ? { ...headers, 'Content-Length': length, 'Content-Range': `bytes ${offset}-${offset + length - 1}/${target.size}` }
    : headers;
  if (target.size <= smallBlob && method === 'GET') {
    const bytes = await exchange.desk.contents.get(digest, () => readVerified(() => repository.open(target), target, smallBlob));
    return { status, headers: all, body: bytes.subarray(offset, offset + length), lasting: !range };
  }
  return { status, headers: all, body: () => repository.open(target, { offset, length }) };
}

/** distribution-spec, "Deleting Blobs". */
export async function deleteBlob(exchange: Exchange, name: string, digestText: string): Promise<Answer> {
  const digest = parseDigest(digestText);
  const repository = exchange.repository(name);
  const target = await blobIn(repository, digest);
  // A manifest, and its tags with it, goes by its own path only.
  if (isManifestType(target.mediaType)) throw new ImageError('blob-unknown', `${digest} is a manifest, not a blob`);
  await repository.delete(target);
  return emptyAnswer(202);
}

/** What this repository shows under a digest. @throws ImageError `blob-unknown`, also where there is no such repository */
async function blobIn(repository: Repository, digest: Digest): Promise<Descriptor> {
  try {
    return await repository.resolve(digest);
  } catch (error) {
    if (isImageError(error, 'manifest-unknown', 'not-found'))
      throw new ImageError('blob-unknown', `no blob ${digest} in this repository`, { cause: error });
    throw error;
  }
}

/** As `blobIn`, undefined where it is not there. */
export async function findBlob(repository: Repository, digest: Digest): Promise<Descriptor | undefined> {
  try {
    return await repository.resolve(digest);
  } catch (error) {
    if (isImageError(error, 'blob-unknown', 'manifest-unknown', 'not-found')) return undefined;
    throw error;
  }
}
