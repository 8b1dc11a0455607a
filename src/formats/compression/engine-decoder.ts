import { Transform, type TransformCallback } from 'node:stream';
import type { Gunzip, ZstdDecompress } from 'node:zlib';
import { ImageError, asImageError } from '../../errors.ts';
import type { Passed } from './limits.ts';
import type { ZstdFrames } from './zstd-frames.ts';

/** Smaller chunks are joined up to this before they are given to the engine: each call of it is a trip to another thread. */
const inputChunk = 1 << 20;

/**
 * One of node:zlib's decoders, held to the rules of its format at the end of the data.
 *
 * Node's own streams end where a gzip member is followed by zeros, or a zstd frame by another in the same chunk, and say nothing of the
 * rest. Here zstd comes in frame by frame, and what follows the end of gzip must be zeros.
 */
export class EngineDecoder extends Transform {
  readonly #engine: Gunzip | ZstdDecompress;
  readonly #passed: Passed;
  readonly #frames: ZstdFrames | undefined;
  #joined: Uint8Array[] = [];
  #joinedLength = 0;
  #sent = 0;
  #isPastEnd = false;
  #hasEnded = false; // and all that came out is passed on
  #onEnd: (() => void) | undefined;

  constructor(engine: Gunzip | ZstdDecompress, passed: Passed, frames?: ZstdFrames) {
    super({ readableHighWaterMark: 1 << 20, writableHighWaterMark: 1 << 20 });
    this.#engine = engine;
    this.#passed = passed;
    this.#frames = frames;
    engine.on('data', (chunk: Buffer) => {
      const tooLarge = passed.addOutput(chunk.length);
      if (tooLarge) this.destroy(tooLarge);
      else if (!this.push(chunk)) engine.pause();
    });
    engine.on('end', () => {
      this.#hasEnded = true;
      this.#onEnd?.();
    });
    engine.on('error', (error) => this.destroy(this.#named(error)));
  }

  override _read(size: number): void {
    this.#engine.resume();
    // oxlint-disable-next-line no-underscore-dangle -- the name is Node's
    super._read(size);
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, callback: TransformCallback): void {
    this.#passed.addInput(chunk.length);
    if (chunk.length < inputChunk) {
      this.#joined.push(chunk);
      this.#joinedLength += chunk.length;
      if (this.#joinedLength < inputChunk) return callback();
      return this.#decode(this.#takeJoined(), callback);
    }
    this.#decode(this.#joinedLength === 0 ? chunk : Buffer.concat([this.#takeJoined(), chunk]), callback);
  }

  override _flush(callback: TransformCallback): void {
    this.#decode(this.#takeJoined(), (error) => {
      if (error) return callback(error);
      // not left to the engine: Node 22's takes nothing at all for zstd
      if (this.#sent === 0 || (this.#frames && !this.#frames.isBetweenFrames)) return callback(this.#endsEarly());
      if (this.#hasEnded) return callback();
      this.#onEnd = callback;
      if (!this.#isPastEnd) this.#engine.end();
    });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#engine.destroy();
    callback(error);
  }

  #takeJoined(): Uint8Array {
    const joined = this.#joined.length === 1 ? this.#joined[0]! : Buffer.concat(this.#joined, this.#joinedLength);
    this.#joined = [];
    this.#joinedLength = 0;
    return joined;
  }

  #decode(chunk: Uint8Array, callback: (error?: Error) => void): void {
    if (chunk.length === 0) return callback();
    if (!this.#frames) return this.#write(chunk, callback);
    let pieces: Iterator<Uint8Array> | undefined = this.#frames.cut(chunk);
    const next = (error?: Error): void => {
      if (error) return callback(error);
      try {
        const piece = pieces!.next();
        if (piece.done) callback();
        else this.#write(piece.value, next);
      } catch (failure) {
        pieces = undefined;
        callback(this.#named(failure));
      }
    };
    next();
  }

  /** Gives one piece to the engine; `callback` comes when it has used it up, or has ended before. */
  #write(piece: Uint8Array, callback: (error?: Error) => void): void {
    if (this.#isPastEnd) return callback(this.#refuseBehindEnd(piece));
    this.#sent += piece.length;
    this.#engine.write(piece, (error) => {
      if (error) return; // told by its event
      // what the engine has not taken is the end of this piece: there is never a second one under way
      const rest = this.#sent - this.#engine.bytesWritten;
      this.#isPastEnd = rest > 0;
      callback(rest > 0 ? this.#refuseBehindEnd(piece.subarray(piece.length - rest)) : undefined);
    });
  }

  #refuseBehindEnd(bytes: Uint8Array): ImageError | undefined {
    if (bytes.every((byte) => byte === 0)) return undefined;
    return new ImageError('invalid-content', `${this.#passed.what} data is followed by something else`);
  }

  #endsEarly(): ImageError {
    return new ImageError('invalid-content', `${this.#passed.what} data ends too early`);
  }

  #named(error: unknown): ImageError {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') return this.#endsEarly();
    if (code?.startsWith('Z_') || code?.startsWith('ZSTD_')) {
      return new ImageError('invalid-content', `${this.#passed.what} data is damaged: ${message}`, { cause: error });
    }
    return asImageError(error, `cannot decompress ${this.#passed.what} data`);
  }
}
