import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { asImageError, ImageError, isImageError } from '../errors.ts';
import { decompress } from '../formats/compression/decompress.ts';
import { detectCompression, detectionLength, peekCompression, type Compression } from '../formats/compression/detect.ts';
import type { TarLimits } from '../formats/tar/entry.ts';
import { indexTar, readTarBody } from '../formats/tar/index-tar.ts';
import { readTar, type TarMember } from '../formats/tar/read-tar.ts';
import { canceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import { readBytes } from '../io/verified.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import { Archive } from './archive.ts';
import { ArchiveFiles, entryPath, type ArchiveFile } from './archive-files.ts';
import { maxDockerManifestBytes } from './docker-manifest.ts';
import { blobDigest } from './docker-archive.ts';
import type { OpenOptions } from './image-source.ts';
import type { Intake } from './intake.ts';
import { maxLayoutIndexBytes } from './layout-index.ts';
import { sliced } from './sliced.ts';

export interface OpenArchiveOptions extends Operation {
  /** Where an archive goes that can be read only once: a stream, or a packed file. Without it such an archive is refused. */
  readonly pour?: Intake | undefined;
}

/** Tens of thousands of images. */
const limits: Partial<TarLimits> = { entries: 200_000, metadata: 1 << 16, path: 4096 };

/** What a stream may have of files that only the documents at its end would explain. */
const maxUnnamedFiles = 50_000;

/**
 * Opens the images of a tar: an OCI layout, a docker archive, or both.
 *
 * A plain tar on disk is indexed and read in place, as often as asked; nothing is copied. All else (a stream; gzip, zstd, xz, bzip2) is poured into
 * `pour` piece by piece as it comes, each piece verified under its digest, so that a copy to there finds it there. Poured pieces have no name:
 * what no image needs goes with the next sweep.
 *
 * @throws ImageError `invalid-content` for what is no image archive, is cut short or contradicts itself; `digest-mismatch`, `incomplete`, `too-large`, `unsupported`
 */
export async function openArchive(from: string | AsyncIterable<Uint8Array>, options: OpenArchiveOptions = {}): Promise<Archive> {
  if (typeof from !== 'string') {
    if (options.pour) return pourArchive(from, 'the archive', options.pour, options);
    if (from instanceof Readable) from.destroy();
    throw onlyOnce('the archive is a stream');
  }
  const file = await openFile(from);
  if (!file) {
    if (options.pour) return pourArchive(createReadStream(from, { highWaterMark: 1 << 20 }), from, options.pour, options);
    throw onlyOnce(`${from} is no regular file`);
  }
  try {
    const compression = await fileCompression(file, from);
    if (compression === 'none') return await indexArchive(file, from, options);
    if (!options.pour) throw onlyOnce(`${from} is packed with ${compression}`);
  } catch (error) {
    await file.close();
    throw explained(error, from);
  }
  return pourArchive(file.createReadStream({ start: 0, highWaterMark: 1 << 20 }), from, options.pour, options);
}

function onlyOnce(why: string): ImageError {
  return new ImageError('unsupported', `${why}: it can only be read once, from its start to its end`, {
    hint: 'Load it into the store first, and copy it from there.',
  });
}

/** Undefined for what cannot be read at any place: a pipe, a terminal, a device. */
async function openFile(path: string): Promise<FileHandle | undefined> {
  try {
    const file = await open(path, 'r');
    const found = await file.stat();
    if (found.isFile()) return file;
    await file.close();
    if (!found.isDirectory()) return undefined;
  } catch (error) {
    throw asImageError(error, `cannot open ${path}`);
  }
  throw new ImageError('invalid-content', `${path} is a folder, not an archive`, {
    hint: `An image layout in a folder is read as oci:${path}.`,
  });
}

async function fileCompression(file: FileHandle, path: string): Promise<Compression> {
  const head = Buffer.alloc(detectionLength);
  const { bytesRead } = await file.read(head, 0, head.length, 0);
  if (bytesRead === 0) throw empty(path);
  return detectCompression(head.subarray(0, bytesRead));
}

async function indexArchive(file: FileHandle, path: string, options: OpenArchiveOptions): Promise<Archive> {
  const files = new ArchiveFiles();
  const blobs = new Map<Digest, ArchiveFile>();
  for await (const entry of indexTar(file, { limits, signal: options.signal })) {
    const at = entryPath(entry.path);
    if (entry.type === 'symlink' || entry.type === 'hard-link') files.addLink(at, entry.linkname, entry.type === 'hard-link');
    if (entry.type !== 'file') continue;
    const indexed: ArchiveFile = {
      size: entry.size,
      // without the signal: a stream that it ends before it is read is an error that nobody hears
      open: async ({ offset = 0, length, signal }: OpenOptions = {}) => {
        if (signal?.aborted) throw canceled(signal.reason);
        return sliced(readTarBody(file, entry, { start: offset }), length);
      },
    };
    const digest = blobDigest(at);
    // the second of two blobs of one name is the same content, or not what its name says
    if (digest && blobs.has(digest)) continue;
    if (digest) blobs.set(digest, indexed);
    files.add(at, indexed);
  }
  return Archive.read({ path, files, blobs, elsewhere: options.pour, close: () => file.close() }, options);
}

async function pourArchive(source: AsyncIterable<Uint8Array>, path: string, pour: Intake, options: Operation): Promise<Archive> {
  const { signal } = options;
  const { compression, stream } = await peekCompression(source);
  const files = new ArchiveFiles();
  const blobs = new Map<Digest, ArchiveFile>();
  try {
    const tar = compression === 'none' ? stream : decompress(stream, compression, { signal });
    for await (const { entry, body } of readTar(tar, { limits, signal })) {
      const at = entryPath(entry.path);
      if (entry.type === 'symlink' || entry.type === 'hard-link') files.addLink(at, entry.linkname, entry.type === 'hard-link');
      if (entry.type === 'file') await pourFile({ entry, body }, at, pour, files, blobs, options);
    }
    return await Archive.read({ path, files, blobs, elsewhere: pour, close: async () => {} }, options);
  } catch (error) {
    stream.destroy();
    throw explained(error, path);
  }
}

async function pourFile(
  { entry, body }: TarMember,
  at: string,
  pour: Intake,
  files: ArchiveFiles,
  blobs: Map<Digest, ArchiveFile>,
  operation: Operation,
): Promise<void> {
  const limit = { 'index.json': maxLayoutIndexBytes, 'manifest.json': maxDockerManifestBytes, 'oci-layout': 4096, repositories: 0 }[at];
  if (limit !== undefined) {
    if (limit > 0 && entry.size > limit) throw new ImageError('too-large', `${at} of ${entry.size} bytes is larger than ${limit} bytes`);
    const bytes = limit > 0 ? await readBytes(body, limit, at) : Buffer.alloc(0);
    return files.add(at, {
      size: bytes.length,
      open: async ({ offset = 0, length }: OpenOptions = {}) =>
        sliced(Readable.from([bytes.subarray(offset)], { objectMode: false }), length),
    });
  }
  const claimed = blobDigest(at);
  if (claimed && blobs.has(claimed)) return;
  if (!claimed && !mayMatter(at)) return;
  if (!claimed && files.count >= maxUnnamedFiles)
    throw new ImageError('too-large', `the archive has more than ${maxUnnamedFiles} files and no manifest yet: it is not an image archive`);
  const target = claimed
    ? { mediaType: mediaTypes.bytes, digest: claimed, size: entry.size }
    : await pour.add(mediaTypes.bytes, body, operation);
  if (claimed && !(await pour.has(target, operation))) await writeOnce(pour, target, body, at, operation);
  const { digest, size } = target;
  const poured: ArchiveFile = { digest, size, open: (options) => pour.open(target, options) };
  files.add(at, poured);
  if (!blobs.has(digest)) blobs.set(digest, poured);
}

/** What a config or layer may be called. What docker wrote for its own versions before 1.10, and whatever lies deep, is not kept. */
function mayMatter(path: string): boolean {
  const parts = path.split('/');
  if (parts.length === 2 && (parts[1] === 'json' || parts[1] === 'VERSION')) return false;
  return parts.length <= 2 || /\.(?:tar|tgz|json)$|\.tar\.[a-z0-9]+$/i.test(path);
}

/**
 * A tar that comes as a stream gives a body once: a sink that holds a part of it already is given the rest, and one that asks again is told no.
 * It fails with what broke the stream, not with what the sink made of it.
 */
async function writeOnce(
  pour: Intake,
  target: Descriptor,
  body: AsyncIterable<Uint8Array>,
  path: string,
  operation: Operation,
): Promise<void> {
  let isTaken = false;
  let failure: { readonly error: unknown } | undefined;
  const watched = async function* () {
    try {
      yield* body;
    } catch (error) {
      failure = { error };
      throw error;
    }
  };
  const open = async (offset: number) => {
    if (isTaken)
      throw new ImageError('invalid-content', `${path} has gone by: a stream gives its bytes once`, { hint: 'Load the archive again.' });
    isTaken = true;
    return offset === 0 ? watched() : after(watched(), offset);
  };
  try {
    await pour.write(target, open, operation);
  } catch (error) {
    throw failure ? failure.error : error;
  }
}

async function* after(body: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<Uint8Array> {
  let left = offset;
  for await (const chunk of body) {
    if (chunk.length > left) yield left === 0 ? chunk : chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

function empty(path: string): ImageError {
  return new ImageError('invalid-content', `unexpected EOF: ${path} is empty`, { hint: whatIsRead });
}

const whatIsRead = 'What docker save, podman save and skopeo write can be loaded: a tar, plain or packed with gzip, zstd, xz or bzip2.';

/** Where the tar itself is at fault, says so of the archive. */
function explained(error: unknown, path: string): ImageError {
  if (isImageError(error, 'invalid-content') && error.hint === undefined)
    return new ImageError('invalid-content', error.message.includes(path) ? error.message : `${path}: ${error.message}`, {
      hint: whatIsRead,
      detail: error.detail,
      cause: error,
    });
  return asImageError(error, `cannot read ${path}`);
}
