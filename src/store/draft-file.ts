import { createHash, type Hash } from 'node:crypto';
import { chmod, open, rm, stat, type FileHandle } from 'node:fs/promises';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import { lent } from '../io/lent.ts';
import { digestFrom, type Digest, type DigestAlgorithm } from '../model/digest.ts';

const blockSize = 1024 * 1024;
/** Blocks that no draft uses now: a pull of sixty layers makes no new ones for each. */
const spare: Buffer[] = [];

/**
 * A file on its way into the store: hashed as it is written, in blocks of a mebibyte, so that hashing the next overlaps with writing the last.
 * What has been appended stays there when an append fails, and can be gone on with by whoever opens the file again.
 */
export class DraftFile {
  readonly path: string;
  readonly algorithm: DigestAlgorithm;
  readonly #file: FileHandle;
  readonly #hash: Hash;
  #size: number;
  #written: number;

  private constructor(path: string, algorithm: DigestAlgorithm, file: FileHandle, hash: Hash, size: number) {
    this.path = path;
    this.algorithm = algorithm;
    this.#file = file;
    this.#hash = hash;
    this.#size = size;
    this.#written = size;
  }

  static async create(path: string, algorithm: DigestAlgorithm): Promise<DraftFile> {
    try {
      return new DraftFile(path, algorithm, await open(path, 'wx+', 0o600), createHash(algorithm), 0);
    } catch (error) {
      throw asImageError(error, `cannot write ${path}`);
    }
  }

  /**
   * Goes on with a file. `size` cuts off what is over it; `hash` is what has been computed over exactly that much, where it is known, else the file is read once.
   * @returns undefined where the file is not there, or is shorter than `size`
   */
  static async reopen(
    path: string,
    algorithm: DigestAlgorithm,
    options: { size?: number; hash?: Hash; signal?: AbortSignal | undefined } = {},
  ): Promise<DraftFile | undefined> {
    let file: FileHandle;
    try {
      // It may have been sealed already, when what came after failed.
      await chmod(path, 0o600);
      file = await open(path, 'r+');
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return undefined;
      throw asImageError(error, `cannot read ${path}`);
    }
    try {
      const { size: there } = await file.stat();
      const size = options.size ?? there;
      if (there < size) {
        await file.close();
        return undefined;
      }
      if (there > size) await file.truncate(size);
      const draft = new DraftFile(path, algorithm, file, options.hash ?? createHash(algorithm), size);
      if (!options.hash) await draft.#rehash(options.signal);
      return draft;
    } catch (error) {
      await file.close();
      throw asImageError(error, `cannot read ${path}`);
    }
  }

  /** Bytes that are in it. */
  get size(): number {
    return this.#size;
  }

  /** Bytes that have reached the file: after a failed write less than were taken from the source. */
  get written(): number {
    return this.#written;
  }

  /** The digest of what is in it now. */
  digest(): Digest {
    return digestFrom(this.algorithm, this.#hash.copy().digest('hex'));
  }

  /** The hash's state, for somebody who goes on later. */
  hash(): Hash {
    return this.#hash.copy();
  }

  /**
   * Adds all of a source. `limit` is how many bytes the file may have then.
   * When the source fails, what it gave before is in the file.
   * @throws ImageError `too-large`, `disk-full`; whatever the source throws
   */
  async append(source: AsyncIterable<Uint8Array>, limit: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) throw canceled(signal.reason);
    // A source that sleeps is woken by its destruction; one that cannot be destroyed has the signal itself.
    const stop = () => (source as { destroy?: (error: Error) => void }).destroy?.(canceled(signal?.reason));
    signal?.addEventListener('abort', stop, { once: true });
    const blocks = new Blocks(this.#file, this.#size, (position) => (this.#written = position));
    try {
      for await (const chunk of lent(source)) {
        if (signal?.aborted) throw canceled(signal.reason);
        if (this.#size + chunk.length > limit) throw new ImageError('too-large', `more than ${limit} bytes`);
        if (chunk.length >= blockSize) {
          await this.#flush(blocks);
          // Hashed while the disk takes it.
          const written = blocks.write(chunk);
          this.#hash.update(chunk);
          this.#size += chunk.length;
          await written;
          continue;
        }
        let rest = chunk;
        while (rest.length > 0) {
          const taken = blocks.take(rest);
          this.#size += taken;
          if (blocks.full) await this.#flush(blocks);
          rest = rest.subarray(taken);
        }
      }
    } catch (error) {
      // A write that failed says why the file is short; else it is the source's own failure.
      await this.#settle(blocks);
      throw signal?.aborted
        ? canceled(signal.reason)
        : error instanceof ImageError
          ? error
          : asImageError(error, `cannot write ${this.path}`);
    } finally {
      signal?.removeEventListener('abort', stop);
    }
    await this.#settle(blocks);
  }

  async #settle(blocks: Blocks): Promise<void> {
    try {
      await this.#flush(blocks);
      await blocks.end();
    } catch (error) {
      throw asImageError(error, `cannot write ${this.path}`);
    }
  }

  async #flush(blocks: Blocks): Promise<void> {
    const filled = blocks.filled();
    if (filled.length === 0) return;
    this.#hash.update(filled);
    await blocks.turn();
  }

  /** Cuts off what is over a size. */
  async cut(size: number): Promise<void> {
    await this.#file.truncate(size);
  }

  /** True where it is the file at a path. */
  async isAt(path: string): Promise<boolean> {
    const there = await stat(path).catch(() => undefined);
    const here = await this.#file.stat();
    return there?.ino === here.ino && there.dev === here.dev;
  }

  /** Copies it, also where it has lost its name meanwhile. */
  async copyTo(path: string): Promise<void> {
    const block = Buffer.allocUnsafeSlow(blockSize);
    const copy = await open(path, 'wx', 0o600);
    try {
      for (let position = 0; ;) {
        const { bytesRead } = await this.#file.read(block, 0, block.length, position);
        if (bytesRead === 0) return;
        await copy.writeFile(block.subarray(0, bytesRead));
        position += bytesRead;
      }
    } finally {
      await copy.close();
    }
  }

  /** Makes the bytes durable and the file read-only, and closes it. */
  async seal(): Promise<void> {
    try {
      await this.#file.sync();
      await this.#file.chmod(0o444);
    } catch (error) {
      throw asImageError(error, `cannot write ${this.path}`);
    } finally {
      await this.#file.close();
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Closes it and takes it away. */
  async drop(): Promise<void> {
    await this.#file.close();
    await rm(this.path, { force: true });
  }

  async #rehash(signal: AbortSignal | undefined): Promise<void> {
    const block = spare.pop() ?? Buffer.allocUnsafeSlow(blockSize);
    try {
      for (let position = 0; position < this.#size;) {
        if (signal?.aborted) throw canceled(signal.reason);
        const { bytesRead } = await this.#file.read(block, 0, Math.min(block.length, this.#size - position), position);
        if (bytesRead === 0) throw new ImageError('internal', `${this.path} became shorter while it was read`);
        this.#hash.update(block.subarray(0, bytesRead));
        position += bytesRead;
      }
    } finally {
      if (spare.length < 16) spare.push(block);
    }
  }
}

/** Two blocks, one being filled while the other is being written. */
class Blocks {
  readonly #file: FileHandle;
  readonly #onWritten: (position: number) => void;
  #position: number;
  #block: Buffer | undefined;
  #used = 0;
  #writing: Promise<{ error: unknown } | undefined> | undefined;
  #written: Buffer | undefined;

  constructor(file: FileHandle, position: number, onWritten: (position: number) => void) {
    this.#file = file;
    this.#position = position;
    this.#onWritten = onWritten;
  }

  get full(): boolean {
    return this.#used === blockSize;
  }

  /** Copies as much as there is room for: the source may use its chunk again. */
  take(chunk: Uint8Array): number {
    this.#block ??= spare.pop() ?? Buffer.allocUnsafeSlow(blockSize);
    const taken = Math.min(chunk.length, blockSize - this.#used);
    this.#block.set(taken === chunk.length ? chunk : chunk.subarray(0, taken), this.#used);
    this.#used += taken;
    return taken;
  }

  filled(): Uint8Array {
    return this.#block?.subarray(0, this.#used) ?? new Uint8Array();
  }

  /** Begins to write what is filled, after the last write has ended. @throws what that write failed of */
  async turn(): Promise<void> {
    await this.#landed();
    const block = this.#block;
    if (!block) return;
    const bytes = block.subarray(0, this.#used);
    this.#block = undefined;
    this.#used = 0;
    this.#written = block;
    this.#writing = this.#put(bytes).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
  }

  /** Writes a large chunk from where it is. */
  async write(chunk: Uint8Array): Promise<void> {
    await this.#landed();
    await this.#put(chunk);
  }

  async end(): Promise<void> {
    await this.#landed();
    if (this.#block && spare.length < 16) spare.push(this.#block);
    this.#block = undefined;
  }

  async #landed(): Promise<void> {
    const failure = await this.#writing;
    this.#writing = undefined;
    if (this.#written && spare.length < 16) spare.push(this.#written);
    this.#written = undefined;
    if (failure) throw failure.error;
  }

  async #put(bytes: Uint8Array): Promise<void> {
    let position = this.#position;
    this.#position += bytes.length;
    for (let rest = bytes; rest.length > 0;) {
      const { bytesWritten } = await this.#file.write(rest, 0, rest.length, position);
      position += bytesWritten;
      rest = rest.subarray(bytesWritten);
      this.#onWritten(position);
    }
  }
}
