import { ImageError, isImageError } from '../errors.ts';
import type { WriteOptions } from '../content/image-sink.ts';
import { sizeMismatch } from '../io/verified.ts';
import { lent, type Lender } from '../io/lent.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestAlgorithm } from '../model/digest.ts';
import { beginUpload, type RemoteUpload } from './remote-upload.ts';
import type { RepositoryAccess } from './repository-access.ts';
import { isPassing, pause, Tries } from './retry.ts';

type Open = (offset: number) => Promise<AsyncIterable<Uint8Array>>;

/** What is sent at once where a whole blob in one request is too much for what stands before the registry. */
const usualChunk = 16 * 1024 * 1024;

/** What goes up in the closing request itself. Registries drop what a broken one of those has brought, and keep what a broken PATCH has. */
const wholeBytes = 4 * 1024 * 1024;

const goodBytes = 1024 * 1024;

/**
 * Puts a blob into a repository: mounted where the registry has it in another; else in one stream; after a broken connection from where the registry says
 * it is; in chunks where one stream is refused for its size. The registry verifies the digest, which is why it is not calculated here too.
 */
export async function writeBlob(access: RepositoryAccess, target: Descriptor, open: Open, options: WriteOptions = {}): Promise<void> {
  const started = await start(access, target, options);
  if (started === 'mounted') return;
  let upload: RemoteUpload | undefined = started;
  let chunk: number | undefined;
  const tries = new Tries(access.retry);
  let good = 0;
  for (;;) {
    try {
      upload ??= await fresh(access, target, options);
      await (upload.offset > 0 || chunk !== undefined || target.size > wholeBytes
        ? sendChunks(upload, target, open, chunk)
        : sendWhole(upload, target, open));
      return;
    } catch (error) {
      if (isImageError(error, 'too-large') && upload !== undefined && chunk === undefined && target.size > usualChunk) {
        chunk = Math.max(usualChunk, upload.minimum);
        upload = undefined;
        continue;
      }
      if (!isPassing(error) && !isImageError(error, 'upload-unknown', 'range-invalid')) throw error;
      // Who only asks to wait still has the session: another one would be two requests more.
      if (!isImageError(error, 'too-many-requests')) upload = await there(upload, target);
      if ((upload?.offset ?? 0) - good >= goodBytes) tries.again();
      good = upload?.offset ?? 0;
      const delay = tries.next(error);
      if (delay === undefined) throw tries.givenUp(error);
      options.onProgress?.({ target, state: 'retrying', delay });
      await pause(delay, options.signal);
    }
  }
}

async function start(access: RepositoryAccess, target: Descriptor, options: WriteOptions): Promise<RemoteUpload | 'mounted'> {
  const { from } = options;
  const name = from === undefined ? undefined : await access.mountName(from);
  if (name === undefined || name === access.push.repository) return fresh(access, target, options);
  let started: RemoteUpload | 'mounted';
  try {
    started = await beginUpload(access, {
      ...options,
      algorithm: digestAlgorithm(target.digest),
      mount: { digest: target.digest, from: name },
    });
  } catch (error) {
    // Who may not read the other repository can still push to this one.
    if (!isImageError(error, 'unauthorized', 'denied', 'not-found', 'blob-unknown', 'invalid-reference', 'unsupported')) throw error;
    return fresh(access, target, options);
  }
  if (started === 'mounted') options.onProgress?.({ target, state: 'mounted', from: name });
  return started;
}

async function fresh(access: RepositoryAccess, target: Descriptor, options: WriteOptions): Promise<RemoteUpload> {
  const upload = await beginUpload(access, { signal: options.signal, algorithm: digestAlgorithm(target.digest) });
  if (upload === 'mounted') throw new ImageError('protocol', `${access.push.host} answers the start of an upload as a mount`);
  return upload;
}

/** The session after a failure, if it is still there and holds something that can be built on. @throws ImageError `unavailable` where the registry could not be asked, however often */
async function there(upload: RemoteUpload | undefined, target: Descriptor): Promise<RemoteUpload | undefined> {
  try {
    await upload?.refresh();
    return upload !== undefined && upload.offset > 0 && upload.offset <= target.size ? upload : undefined;
  } catch (error) {
    if (!isImageError(error) || error.code === 'canceled' || error.detail.tries !== undefined) throw error;
    return undefined;
  }
}

async function sendWhole(upload: RemoteUpload, target: Descriptor, open: Open): Promise<void> {
  await upload.finishWith(target.digest, { length: target.size, open: async () => exactly(await open(0), target, target.size) });
}

async function sendChunks(upload: RemoteUpload, target: Descriptor, open: Open, size: number | undefined): Promise<void> {
  while (upload.offset < target.size) {
    const start = upload.offset;
    const left = target.size - start;
    const length = size === undefined ? left : Math.min(size, left);
    await upload.appendChunk({ length, open: async () => exactly(await open(start), target, length, length < left) }, start);
    if (upload.offset <= start) throw new ImageError('unavailable', `${new URL(upload.id).host} took nothing of ${target.digest}`);
  }
  await upload.finish(target.digest);
}

/** So many bytes of a source, given or lent, which must not end before; and, unless it is `cut`, not after. */
function exactly(source: AsyncIterable<Uint8Array>, target: Descriptor, length: number, cut = false): AsyncIterable<Uint8Array> & Lender {
  return {
    [Symbol.asyncIterator]: () => counting(source, target, length, cut),
    lent: () => counting(lent(source), target, length, cut),
  };
}

async function* counting(source: AsyncIterable<Uint8Array>, target: Descriptor, length: number, cut: boolean): AsyncGenerator<Uint8Array> {
  let left = length;
  for await (const chunk of source) {
    if (chunk.length > left && !cut) throw sizeMismatch(target, `more than ${target.size}`);
    const part = chunk.subarray(0, left);
    left -= part.length;
    if (part.length > 0) yield part;
    if (left === 0 && cut) return;
  }
  if (left > 0) throw sizeMismatch(target, `${left} fewer`);
}
