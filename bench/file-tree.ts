/**
 * Trees of files in the shape of real images, made the same on every run: most files of a few kilobytes, some large ones, sixteen
 * kilobytes in the mean; text, program code and packed data in shares that gzip brings to about a third.
 */
import { createCipheriv } from 'node:crypto';

import type { NewTarMember } from '../src/formats/tar/write-tar.ts';
import { Random } from './random.ts';

/** Files are cut from here, each at a place of its own; gzip looks 32 KiB back, so it finds nothing of one in another. */
const poolBytes = 16 << 20;
const filesInFolder = 12;

/** Members of about so many bytes in all, below a folder of this name. */
export function* fileTree(name: string, bytes: number, seed: number): Generator<NewTarMember> {
  const random = new Random(seed);
  const pool = texts();
  yield folder(`${name}/`);
  let folderPath = '';
  for (let made = 0, count = 0; made < bytes; count++) {
    if (count % filesInFolder === 0) {
      folderPath = `${name}/part-${Math.floor(count / filesInFolder)}/`;
      yield folder(folderPath);
    }
    const size = fileSize(random);
    const at = random.below(poolBytes - size);
    yield {
      entry: { path: `${folderPath}file-${count}`, mode: random.below(5) === 0 ? 0o755 : 0o644, size },
      body: pool.subarray(at, at + size),
    };
    made += size + 512;
  }
}

/** So many files of two kilobytes in the mean: what a package manager leaves behind. */
export function* smallFiles(name: string, count: number, seed: number): Generator<NewTarMember> {
  const random = new Random(seed);
  const pool = texts();
  yield folder(`${name}/`);
  let folderPath = '';
  for (let made = 0; made < count; made++) {
    if (made % filesInFolder === 0) {
      folderPath = `${name}/part-${Math.floor(made / filesInFolder)}/`;
      yield folder(folderPath);
    }
    const size = 100 + random.below(3800);
    const at = random.below(poolBytes - size);
    yield { entry: { path: `${folderPath}file-${made}`, size }, body: pool.subarray(at, at + size) };
  }
}

/** One file that nothing can pack. */
export function* packedFile(path: string, bytes: number, seed: number): Generator<NewTarMember> {
  yield { entry: { path, size: bytes }, body: noise(bytes, seed) };
}

function folder(path: string): NewTarMember {
  return { entry: { path, type: 'directory' } };
}

function fileSize(random: Random): number {
  const kind = random.below(100);
  if (kind < 85) return 512 + random.below(8 << 10);
  if (kind < 99) return (8 << 10) + random.below(56 << 10);
  return (512 << 10) + random.below(512 << 10);
}

let made: Buffer | undefined;

function texts(): Buffer {
  return (made ??= makeTexts());
}

/** In pieces: three quarters as lines of phrases, a fifth as runs of bytes that come again, the rest as noise. */
function makeTexts(): Buffer {
  const random = new Random(7);
  const letters = (length: number) => Array.from({ length }, () => String.fromCharCode(97 + random.below(26))).join('');
  const words = Array.from({ length: 1000 }, () => `${letters(2 + random.below(9))}${random.below(9) === 0 ? '\n' : ' '}`);
  const phrases = Array.from({ length: 3000 }, () =>
    Buffer.from(Array.from({ length: 1 + random.below(8) }, () => words[random.below(words.length)]).join('')),
  );
  const runs = Array.from({ length: 1500 }, () => Buffer.from(Array.from({ length: 4 + random.below(40) }, () => random.below(256))));
  const dirt = Buffer.concat([...noise(poolBytes, 11)]);
  const pool = Buffer.alloc(poolBytes);
  let at = 0;
  const put = (piece: Uint8Array) => {
    pool.set(piece.subarray(0, poolBytes - at), at);
    at = Math.min(poolBytes, at + piece.length);
  };
  // A few come often, most seldom, as in any language.
  const one = (of: readonly Buffer[]) => of[random.below(random.below(random.below(of.length) + 1) + 1)] ?? dirt;
  while (at < poolBytes) {
    const kind = random.below(18);
    const end = Math.min(poolBytes, at + 2000 + random.below(6000));
    if (kind === 0) put(dirt.subarray(at, end));
    else while (at < end) put(one(kind < 14 ? phrases : runs));
  }
  return pool;
}

/** A stream cipher's key stream: a gigabyte a second. */
function* noise(bytes: number, seed: number): Generator<Buffer> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
  const zeros = Buffer.alloc(1 << 20);
  for (let left = bytes; left > 0; left -= zeros.length) yield cipher.update(zeros.subarray(0, Math.min(left, zeros.length)));
}
