import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { asImageError } from '../../errors.ts';
import { draftBeside } from '../../io/atomic-file.ts';
import type { NewWimContent } from './new-wim.ts';

/** Bytes that are held in memory; what is before them is in a file. */
const window = 4 << 20;

/** A growing run of bytes of which single ones are still to be set: the latest in memory, all others in a file that is there only where they are many. */
export class MetadataSpool implements Disposable {
  size = 0;
  readonly #path: string;
  #tail: Buffer = Buffer.alloc(64 << 10);
  /** Where the tail begins. */
  #start = 0;
  #file: number | undefined;

  /** @param near what the file's name begins with, where it comes to be */
  constructor(near: string) {
    this.#path = draftBeside(near);
  }

  /** At most 1 MiB at once. @returns where the bytes begin */
  append(bytes: Uint8Array): number {
    const at = this.size;
    const used = at - this.#start;
    if (used + bytes.length > this.#tail.length) {
      if (used >= window) this.#spill(used);
      else {
        const larger = Buffer.allocUnsafe(Math.min(window + (1 << 20), 2 * this.#tail.length + bytes.length));
        this.#tail.copy(larger, 0, 0, used);
        this.#tail = larger;
      }
    }
    this.#tail.set(bytes, at - this.#start);
    this.size += bytes.length;
    return at;
  }

  /** Sets bytes that have been appended: such as were appended at once. */
  patch(at: number, bytes: Uint8Array): void {
    if (at >= this.#start) this.#tail.set(bytes, at - this.#start);
    else this.#inFile((file) => writeFully(file, bytes, at));
  }

  /** All of it. Nothing may be appended or set after that. */
  content(): NewWimContent {
    if (this.#file === undefined) return { bytes: this.#tail.subarray(0, this.size) };
    this.#spill(this.size - this.#start);
    return { file: this.#path, offset: 0, size: this.size };
  }

  [Symbol.dispose](): void {
    if (this.#file === undefined) return;
    closeSync(this.#file);
    this.#file = undefined;
    rmSync(this.#path, { force: true });
  }

  #spill(used: number): void {
    this.#inFile((file) => writeFully(file, this.#tail.subarray(0, used), this.#start));
    this.#start += used;
  }

  #inFile(work: (file: number) => void): void {
    try {
      work((this.#file ??= openSync(this.#path, 'wx+', 0o600)));
    } catch (error) {
      throw asImageError(error, `cannot write ${this.#path}`);
    }
  }
}

function writeFully(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done, bytes.length - done, position + done);
}
