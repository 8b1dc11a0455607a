import { readSync } from 'node:fs';
import { asImageError, ImageError } from '../../errors.ts';
import type { WimFile } from './wim-file.ts';
import { wimCodecs, type WimCompression } from './wim-header.ts';
import { overLimit, type WimLimits } from './wim-limits.ts';

/** Bytes of a file that unpack to other bytes, in chunks that know nothing of each other. */
export interface WimResource {
  /** Which of the open files it is in. */
  readonly file: number;
  readonly offset: number;
  readonly packedSize: number;
  readonly size: number;
  readonly codec: WimCompression;
  /** Bytes unpacked of every chunk but the last; 0 where nothing is packed. */
  readonly chunkSize: number;
  /** Where in the file each chunk begins, and where the last ends: of solid resources, whose tables are read at once. Others begin with their tables. */
  readonly bounds?: Float64Array | undefined;
}

/** Where the bytes of a blob are: from here on in what a resource unpacks to. */
export interface WimPlace {
  readonly resource: WimResource;
  readonly from: number;
}

/** Bytes of one entry of a resource's chunk table. */
export function chunkEntrySize(size: number): 4 | 8 {
  return size > 0xffffffff ? 8 : 4;
}

const solidHeaderSize = 16;

/**
 * Reads the header and the chunk table of a solid resource.
 * @param chunksBefore of other solid resources: they are counted together
 * @throws ImageError `invalid-content`, `too-large`
 */
export function readSolidResource(
  file: WimFile,
  index: number,
  at: { readonly offset: number; readonly packedSize: number },
  chunksBefore: number,
  limits: WimLimits,
): WimResource {
  const { offset, packedSize } = at;
  const refuse = (why: string) => new ImageError('invalid-content', `${file.path}: solid resource at ${offset}: ${why}`);
  if (packedSize < solidHeaderSize) throw refuse(`${packedSize} bytes, too few for its header`);
  const head = readFully(file, offset, solidHeaderSize);
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const size = Number(view.getBigUint64(0, true));
  const chunkSize = view.getUint32(8, true);
  const codec = wimCodecs[view.getUint32(12, true)];
  if (codec === undefined) throw refuse(`codec ${view.getUint32(12, true)}, expected 0 to 3`);
  if (
    chunkSize < 4096 ||
    (chunkSize & (chunkSize - 1)) !== 0 ||
    chunkSize > 2 ** 30 ||
    (codec === 'lzx' && (chunkSize < 32_768 || chunkSize > 2 ** 21)) ||
    (codec === 'xpress' && chunkSize > 65_536)
  )
    throw refuse(`chunk size ${chunkSize} is invalid for ${codec.toUpperCase()}`);
  if (chunkSize > limits.chunk) throw overLimit('chunk', limits, `${file.path}: solid resource at ${offset}: chunks of ${chunkSize} bytes`);
  const count = Math.ceil(size / chunkSize);
  // Before anything is made of that size: what the file has not, it cannot mean.
  if (solidHeaderSize + count * 4 > packedSize)
    throw refuse(`claims ${view.getBigUint64(0, true)} bytes, whose chunk table would not fit into its ${packedSize}`);
  if (chunksBefore + count > limits.solidChunks)
    throw overLimit('solidChunks', limits, `${file.path}: solid resource at ${offset}: ${chunksBefore + count} chunks`);
  const table = readFully(file, offset + solidHeaderSize, count * 4);
  const bounds = new Float64Array(count + 1);
  let end = offset + solidHeaderSize + count * 4;
  bounds[0] = end;
  for (let chunk = 0; chunk < count; chunk++) {
    const packed = table.readUInt32LE(chunk * 4);
    const unpacked = Math.min(chunkSize, size - chunk * chunkSize);
    if (packed === 0 || packed > unpacked) throw refuse(`chunk ${chunk} of ${count} has ${packed} bytes for ${unpacked}`);
    end += packed;
    bounds[chunk + 1] = end;
  }
  if (end !== offset + packedSize) throw refuse(`its chunks end at ${end}, and it at ${offset + packedSize}`);
  return { file: index, offset, packedSize, size, codec, chunkSize, bounds };
}

/** @throws ImageError `invalid-content` where the file ends before */
export function readFully(file: WimFile, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  readInto(file.descriptor, bytes, offset, (at) => file.endsAt(at));
  return bytes;
}

/** Fills `target`; fails with what `ended` makes where the file ends at `at`. */
export function readInto(descriptor: number, target: Uint8Array, offset: number, ended: (at: number) => ImageError): void {
  for (let filled = 0; filled < target.length;) {
    let got: number;
    try {
      // Node reads less than 2 GiB at once.
      got = readSync(descriptor, target, filled, Math.min(target.length - filled, 2 ** 30), offset + filled);
    } catch (error) {
      throw asImageError(error, 'cannot read');
    }
    if (got === 0) throw ended(offset + filled);
    filled += got;
  }
}
