import { close, closeSync, read, readSync } from 'node:fs';
import { addAbortSignal, Readable, type Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { ImageError } from '../errors.ts';
import { canceled } from './concurrently.ts';
import type { Lender } from './lent.ts';

/** Bytes read at once, as a stream and by `pumpTo`: what both were fastest with. */
const block = 1024 * 1024;
const pumpBlock = 512 * 1024;
const ring = 3;
/** A read of so many milliseconds was one of a disk; or others wanted the processor, but hardly twice in a row. */
const slow = 1;
/** Reads that go through the thread pool after two slow ones, before it is tried again without. */
const slowReads = 64;
/** Reads in place after which everybody else has a turn. */
const turn = 8;
/** What is no longer than this is read and closed at once: it takes some ten microseconds, and each way through the thread pool ten times that. */
const small = 64 * 1024;

/** Buffers of `pumpTo` and `lent` that nobody uses now. New memory must be cleared page by page before the first byte gets in. */
const spare: Buffer[] = [];
const maxSpare = 32;

export interface FileStreamOptions {
  /** First byte. */
  readonly start: number;
  /** Bytes from there. A file that has fewer fails. */
  readonly length: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Part of an open file as a stream, which owns the file and closes it. What it has over `createReadStream` is `pumpTo`, a fifth faster.
 * A file that ends too soon is an error, never a short answer.
 */
export class FileStream extends Readable implements Lender {
  readonly #file: number;
  #position: number;
  #left: number;
  readonly #small: boolean;
  #reading = false;
  #closeWhenRead: (() => void) | undefined;

  constructor(file: number, { start, length, signal }: FileStreamOptions) {
    super({ highWaterMark: Math.max(1, Math.min(length, block)) });
    this.#file = file;
    this.#position = start;
    this.#left = length;
    this.#small = length <= small;
    if (signal) addAbortSignal(signal, this);
  }

  override _read(size: number): void {
    if (this.#left === 0) {
      this.push(null);
      return;
    }
    const buffer = Buffer.allocUnsafeSlow(Math.min(size, this.#left, block));
    this.#fill(buffer, (error, filled) => {
      if (error) this.destroy(error);
      else this.push(filled === buffer.length ? buffer : buffer.subarray(0, filled));
    });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#small) {
      closeSync(this.#file);
      callback(error);
      return;
    }
    const end = () => close(this.#file, (failure) => callback(error ?? failure));
    if (this.#reading) this.#closeWhenRead = end;
    else end();
  }

  /**
   * Writes all of it, through a few buffers that are used again and again: one is read while another is on its way. Does not end the destination.
   * In place of reading the stream, not beside it.
   * @throws ImageError `canceled` where the destination is closed before the end
   */
  async pumpTo(destination: Writable): Promise<void> {
    const buffers = Array.from({ length: ring }, () => spare.pop() ?? Buffer.allocUnsafeSlow(pumpBlock));
    const writes = Array.from({ length: ring }, () => Promise.resolve());
    // What destroys it fails the pump: nobody listens for it here.
    this.on('error', () => {});
    const waiting = new Set<(error: Error) => void>();
    const onClose = () => {
      for (const fail of waiting) fail(readerLeft());
    };
    destination.once('close', onClose);
    const write = (bytes: Uint8Array) =>
      new Promise<void>((resolve, reject) => {
        waiting.add(reject);
        destination.write(bytes, (error) => {
          waiting.delete(reject);
          if (error) reject(readerLeft(error));
          else resolve();
        });
      });
    let whole = false;
    try {
      for (let slot = 0; this.#left > 0; slot = (slot + 1) % ring) {
        await writes[slot];
        if (destination.destroyed) throw readerLeft();
        const block = (buffers[slot] as Buffer).subarray(0, Math.min(pumpBlock, this.#left));
        const written = write(block.subarray(0, await this.#readInto(block)));
        // It is waited for when its buffer is needed; until then its failure is not nobody's.
        written.catch(() => undefined);
        writes[slot] = written;
      }
      await Promise.all(writes);
      whole = true;
    } finally {
      destination.off('close', onClose);
      this.destroy();
      // After a failure a buffer may still be in the kernel's hands: it is not used again.
      if (whole) for (const buffer of buffers) if (spare.length < maxSpare) spare.push(buffer);
    }
  }

  /**
   * Read in place, into one buffer, as long as that is a copy from the system's memory: the way through the thread pool costs as much again, and another processor's cache.
   * While it is a disk that is waited for, two buffers by turns: one is read into while the other is lent.
   */
  async *lent(): AsyncGenerator<Uint8Array, void, undefined> {
    // What destroys it fails the next read: nobody listens for it here.
    this.on('error', () => undefined);
    const buffers = [0, 1].map(() => spare.pop() ?? Buffer.allocUnsafeSlow(pumpBlock)) as [Buffer, Buffer];
    let whole = false;
    try {
      let next: Promise<Uint8Array> | undefined;
      for (let slot: 0 | 1 = 0, reads = 0, slowly = 0, pooled = 0; this.#left > 0 || next; slot = next && slot === 0 ? 1 : 0) {
        let bytes: Uint8Array;
        if (next) bytes = await next;
        else {
          if (++reads % turn === 0) await setImmediate();
          const begun = performance.now();
          bytes = this.#readNow(buffers[slot]);
          slowly = performance.now() - begun > slow ? slowly + 1 : 0;
          if (slowly === 2) {
            slowly = 0;
            pooled = slowReads;
          }
        }
        next = pooled-- > 0 ? this.#readAhead(buffers[slot === 0 ? 1 : 0]) : undefined;
        yield bytes;
      }
      whole = true;
    } finally {
      this.destroy();
      // After a failure a buffer may still be in the kernel's hands: it is not used again.
      if (whole) for (const buffer of buffers) if (spare.length < maxSpare) spare.push(buffer);
    }
  }

  #readNow(buffer: Buffer): Uint8Array {
    if (this.destroyed) throw this.errored ?? canceled();
    const length = Math.min(buffer.length, this.#left);
    const bytes = readSync(this.#file, buffer, 0, length, this.#position);
    return buffer.subarray(0, this.#passed(bytes));
  }

  #readAhead(buffer: Buffer): Promise<Uint8Array> | undefined {
    if (this.#left === 0) return undefined;
    const block = buffer.subarray(0, Math.min(pumpBlock, this.#left));
    const reading = this.#readInto(block).then((length) => block.subarray(0, length));
    // It is waited for when it is asked for; until then its failure is not nobody's.
    reading.catch(() => undefined);
    return reading;
  }

  #readInto(block: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.destroyed) reject(this.errored ?? canceled());
      else this.#fill(block, (error, bytes) => (error ? reject(error) : resolve(bytes)));
    });
  }

  #fill(buffer: Buffer, done: (error: Error | undefined, bytes: number) => void): void {
    const filled = (read: () => number) => {
      let bytes: number;
      try {
        bytes = read();
      } catch (error) {
        return done(error as Error, 0);
      }
      done(undefined, bytes);
    };
    if (this.#small) return filled(() => this.#readNow(buffer).length);
    this.#reading = true;
    read(this.#file, buffer, 0, buffer.length, this.#position, (error, bytes) => {
      this.#reading = false;
      if (this.#closeWhenRead) this.#closeWhenRead();
      filled(() => {
        if (error) throw error;
        return this.#passed(bytes);
      });
    });
  }

  /** @returns the same @throws ImageError `size-mismatch` where the file gave nothing */
  #passed(bytes: number): number {
    if (bytes === 0) throw new ImageError('size-mismatch', `a file became shorter while it was read: ${this.#left} bytes are missing`);
    this.#position += bytes;
    this.#left -= bytes;
    return bytes;
  }
}

function readerLeft(cause?: Error): ImageError {
  return new ImageError('canceled', 'the reader left before the end', { cause });
}
