import { ImageError, isImageError } from '../../errors.ts';
import type { Repository, Upload } from '../../content/repository.ts';
import type { Descriptor } from '../../model/descriptor.ts';
import { digestAlgorithm, parseDigest, type Digest, type DigestAlgorithm } from '../../model/digest.ts';
import { isManifestType, mediaTypes } from '../../model/media-types.ts';
import { parseReference } from '../../model/reference.ts';
import type { ImageStore } from '../../store/image-store.ts';
import { emptyAnswer, type Answer } from './answer.ts';
import { findBlob } from './blobs.ts';
import { parseChunkRange, type ChunkRange } from './byte-range.ts';
import type { Exchange } from './exchange.ts';
import { failureAnswer } from './failure.ts';
import { repositoryKey, type RepositoryName } from './local-name.ts';
import { declaredLength, requestBody } from './request-body.ts';

/**
 * distribution-spec, "Pushing blobs". Four ways in: one POST with the digest and all bytes; POST, then one PUT; POST, then PATCH by PATCH
 * (with `Content-Range`, or streamed without) and a PUT that may carry the last bytes; and a mount, which moves none.
 */
export async function startUpload(exchange: Exchange, name: string): Promise<Answer> {
  const { desk, query } = exchange;
  const repository = exchange.repository(name);
  const asked = askedAlgorithm(query.get('digest-algorithm'));
  const mount = query.get('mount');
  if (mount !== null) {
    const digest = parseDigest(mount);
    const mounted = await mountBlob(exchange, repository, digest, query.get('from'));
    return mounted
      ? created(exchange, name, digest)
      : accepted(exchange, name, await repository.upload(undefined, { algorithm: digestAlgorithm(digest) }));
  }
  const text = query.get('digest');
  if (text === null) return accepted(exchange, name, await repository.upload(undefined, asked === undefined ? {} : { algorithm: asked }));
  const digest = parseDigest(text);
  await desk.bodies.blobs.run(() => takeWhole(exchange, repository, digest));
  return created(exchange, name, digest);
}

/** One request, one blob: nobody can go on with it, so nothing is left of it where it fails. */
async function takeWhole(exchange: Exchange, repository: Repository, digest: Digest): Promise<void> {
  const { request, desk } = exchange;
  const size = declaredLength(request, desk.limits.blobBytes, 'the blob');
  if (size !== undefined) {
    const target: Descriptor = { mediaType: mediaTypes.bytes, digest, size };
    await repository.write(target, async () =>
      requestBody(request, { limit: desk.limits.blobBytes, what: 'the blob', idle: desk.limits.idle }),
    );
    return;
  }
  const upload = await repository.upload(undefined, { algorithm: digestAlgorithm(digest) });
  try {
    await append(exchange, upload, undefined);
  } catch (error) {
    await upload.cancel();
    throw error;
  }
  await upload.finish(digest);
}

/** GET: how far it is. */
export async function uploadStatus(exchange: Exchange, name: string, id: string): Promise<Answer> {
  return emptyAnswer(204, progress(exchange, name, await openUpload(exchange, name, id)));
}

/** PATCH: more bytes. */
export async function patchUpload(exchange: Exchange, name: string, id: string): Promise<Answer> {
  const chunk = parseChunkRange(exchange.request.headers['content-range']);
  return inOrder(exchange, name, id, async (upload) => {
    await append(exchange, upload, chunk);
    return accepted(exchange, name, upload);
  });
}

/** PUT: the end, perhaps with the last bytes. */
export async function putUpload(exchange: Exchange, name: string, id: string): Promise<Answer> {
  const text = exchange.query.get('digest');
  if (text === null) throw new ImageError('invalid-digest', 'the digest parameter is missing');
  const digest = parseDigest(text);
  const chunk = parseChunkRange(exchange.request.headers['content-range']);
  return inOrder(exchange, name, id, async (upload) => {
    await append(exchange, upload, chunk);
    await upload.finish(digest);
    return created(exchange, name, digest);
  });
}

/** DELETE: given up. */
export async function cancelUpload(exchange: Exchange, name: string, id: string): Promise<Answer> {
  const upload = await openUpload(exchange, name, id);
  await upload.cancel();
  return emptyAnswer(204);
}

/**
 * Opens an upload for writing. A chunk out of order, or one that comes while another is taken in, gets 416 with where the upload is, and changes
 * nothing: the client goes on from there.
 */
async function inOrder(exchange: Exchange, name: string, id: string, work: (upload: Upload) => Promise<Answer>): Promise<Answer> {
  try {
    return await exchange.desk.bodies.blobs.run(async () => work(await openUpload(exchange, name, id)));
  } catch (error) {
    if (!isImageError(error, 'range-invalid')) throw error;
    return failureAnswer(error, progress(exchange, name, await openUpload(exchange, name, id)));
  }
}

/** @throws ImageError `upload-unknown`. An id is ours, letters, digits and hyphens: anything else was never one, and goes no further. */
async function openUpload(exchange: Exchange, name: string, id: string): Promise<Upload> {
  const repository = exchange.repository(name);
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(id))
    throw new ImageError('upload-unknown', `no upload ${JSON.stringify(id.slice(0, 160))} in this repository`);
  return repository.upload(id);
}

async function append(exchange: Exchange, upload: Upload, chunk: ChunkRange | undefined): Promise<void> {
  const { request, desk } = exchange;
  const left = desk.limits.blobBytes - upload.offset;
  const size = declaredLength(request, left, 'the blob');
  const chunkSize = chunk && chunk.last - chunk.first + 1;
  if (chunkSize !== undefined && size !== undefined && size !== chunkSize)
    throw new ImageError('size-mismatch', `the chunk has ${size} bytes, and its Content-Range says ${chunkSize}`);
  if (size === 0) return;
  const limit = Math.min(left, chunkSize ?? left);
  await upload.append(requestBody(request, { limit, what: chunk ? 'the chunk' : 'the blob', idle: desk.limits.idle }), chunk?.first);
}

/**
 * Shows here what another repository holds: the one that the client names, or, where it names none, any that it may read.
 * @returns false where it is not there: the client uploads it then (distribution-spec, "Mounting a blob from another repository")
 */
async function mountBlob(exchange: Exchange, repository: Repository, digest: Digest, from: string | null): Promise<boolean> {
  const { store } = exchange.desk;
  if (await findBlob(repository, digest)) return true;
  const sources = from === null ? await repositoriesWith(store, digest) : [readName(exchange, from)];
  for (const name of sources) {
    if (!name) continue;
    const source = store.repository(name);
    const target = await findBlob(source, digest);
    if (!target || isManifestType(target.mediaType)) continue;
    await repository.write(target, (offset) => source.open(target, { offset }), { from: { ...name, digest } });
    return true;
  }
  return false;
}

/** Enough: where the first do not show it, it is hardly anywhere. */
const maxSources = 16;

/** Repositories that hold this content, by name or by link: whoever may read one of them may have it here. */
async function repositoriesWith(store: ImageStore, digest: Digest): Promise<readonly RepositoryName[]> {
  const found = new Map<string, RepositoryName>();
  for (const { kind, id } of await store.holders(digest)) {
    if (kind !== 'link' && kind !== 'name') continue;
    const { registry, repository } = parseReference(id);
    found.set(repositoryKey({ registry, repository }), { registry, repository });
    if (found.size === maxSources) break;
  }
  return [...found.values()];
}

function readName(exchange: Exchange, path: string): RepositoryName | undefined {
  try {
    return exchange.name(path);
  } catch (error) {
    // A source that cannot be is one that has not got it.
    if (isImageError(error, 'invalid-reference', 'not-found')) return undefined;
    throw error;
  }
}

function askedAlgorithm(text: string | null): DigestAlgorithm | undefined {
  if (text === null || text === 'sha256' || text === 'sha512') return text ?? undefined;
  throw new ImageError('invalid-digest', `digest algorithm ${JSON.stringify(text.slice(0, 160))} is not supported`, {
    hint: 'It is sha256 or sha512.',
  });
}

/** `Range` of an empty upload is `0-0`, as in docker's registry: older clients fail where it is missing or ends before it begins. */
function progress(exchange: Exchange, name: string, upload: Upload): Answer['headers'] {
  return {
    Location: exchange.path(name, `blobs/uploads/${upload.id}`),
    Range: `0-${Math.max(upload.offset - 1, 0)}`,
    'Docker-Upload-UUID': upload.id,
  };
}

function accepted(exchange: Exchange, name: string, upload: Upload): Answer {
  return emptyAnswer(202, progress(exchange, name, upload));
}

function created(exchange: Exchange, name: string, digest: Digest): Answer {
  return emptyAnswer(201, { Location: exchange.path(name, `blobs/${digest}`), 'Docker-Content-Digest': digest });
}
