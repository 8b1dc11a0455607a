import { createHash } from 'node:crypto';
import { ImageError } from '../../errors.ts';
import { canceled } from '../../io/concurrently.ts';
import { requireInside } from './lookup-table.ts';
import { resourceFlags, wimHeaderSize } from './wim-header.ts';
import type { WimFile } from './wim-file.ts';
import { readFully, readInto } from './wim-resource.ts';

const headSize = 12;
const hashSize = 20;
/** Hashed before others have their turn. Bytes. */
const block = 2 ** 20;

/**
 * Compares a file's integrity table with the file: hashes of its pieces from behind the header to the end of the lookup table.
 * @returns false where it has none
 * @throws ImageError `invalid-content`, `digest-mismatch`, `canceled`
 */
export async function checkIntegrity(file: WimFile, signal?: AbortSignal): Promise<boolean> {
  const { integrity, lookupTable } = file.header;
  if (!integrity) return false;
  requireInside(integrity, file, 'integrity table');
  const refuse = (why: string) => new ImageError('invalid-content', `${file.path}: integrity table at ${integrity.offset}: ${why}`);
  if (integrity.packedSize < headSize) throw refuse(`${integrity.packedSize} bytes, too few for one`);
  if (integrity.flags & (resourceFlags.compressed | resourceFlags.solid) || integrity.packedSize !== integrity.size)
    throw refuse(`${integrity.packedSize} bytes, unpacked ${integrity.size}: it is compressed, which no reader expects`);
  const end = lookupTable.offset + lookupTable.packedSize;
  const head = readFully(file, integrity.offset, headSize);
  const [size, count, chunk] = [head.readUInt32LE(0), head.readUInt32LE(4), head.readUInt32LE(8)];
  if (size !== integrity.packedSize || size !== headSize + count * hashSize)
    throw refuse(`it says ${size} bytes and ${count} hashes, and has ${integrity.packedSize} bytes`);
  if (chunk === 0 || count !== Math.ceil((end - wimHeaderSize) / chunk))
    throw refuse(`${count} hashes of pieces of ${chunk} bytes do not cover bytes ${wimHeaderSize} to ${end}`);
  const hashes = readFully(file, integrity.offset + headSize, count * hashSize);
  const buffer = Buffer.allocUnsafeSlow(block);
  for (let piece = 0; piece < count; piece++) {
    const from = wimHeaderSize + piece * chunk;
    const to = Math.min(end, from + chunk);
    const hash = createHash('sha1');
    for (let at = from; at < to; at += block) {
      if (signal?.aborted) throw canceled(signal.reason);
      const bytes = buffer.subarray(0, Math.min(block, to - at));
      readInto(file.descriptor, bytes, at, (place) => file.endsAt(place));
      hash.update(bytes);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (!hash.digest().equals(hashes.subarray(piece * hashSize, (piece + 1) * hashSize)))
      throw new ImageError('digest-mismatch', `${file.path}: integrity chunk ${piece} (bytes ${from} to ${to}) is damaged`, {
        hint: 'The file is damaged: get it again from where it was made.',
      });
  }
  return true;
}
