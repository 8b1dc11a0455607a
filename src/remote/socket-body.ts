import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { ImageError } from '../errors.ts';
import type { Lender } from '../io/lent.ts';
import { readerOf, type Taker } from './socket-reader.ts';

const bufferBytes = 1024 * 1024;
/** What is smaller goes through the parser, and its connection serves again. */
export const worthTakingOver = 512 * 1024;
/** Milliseconds after which a consumer that waits gets what is there: progress is seen, and kept, on slow connections too. */
const handOver = 100;

/** Buffers that no body uses now. New memory must be cleared page by page before the first byte gets in. */
const spare: Buffer[] = [];
const maxSpare = 16;

/**
 * A large body read from its socket past the HTTP parser, into two buffers that are used again and again: one is filled while the other is lent.
 * A third of the cost of a body that the parser passes on, and no garbage. The connection serves nothing else afterwards.
 *
 * Only for a body of a known length, whose end needs no parser (RFC 9112 §6.2).
 *
 * The life of a buffer: *filling* → *ready*, when it is full, the body is whole, or the consumer has waited for a moment → *lent* → filling again when
 * the next chunk is asked for. While one is ready or lent and the other is full, the socket is paused.
 */
export class SocketBody extends Readable implements Lender {
  readonly #socket: Socket;
  /** Until what came together with the headers, through the parser, is here. */
  #incoming: IncomingMessage | undefined;
  readonly #buffers: readonly [Buffer, Buffer] = [takeBuffer(), takeBuffer()];
  #filling: 0 | 1 = 0;
  #filled = 0;
  /** Bytes in the other buffer that wait to be lent. */
  #ready = 0;
  #isLent = false;
  #isPaused = false;
  /** Bytes that have not come yet. */
  #left: number;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  #chunks: AsyncIterator<Uint8Array> | undefined;

  /** Takes over. To be called while the answer's headers are being passed on; undefined where the socket is not one of ours, or speaks TLS. */
  static take(incoming: IncomingMessage, length: number): SocketBody | undefined {
    const reader = readerOf(incoming.socket);
    if (!reader) return undefined;
    const body = new SocketBody(incoming, length);
    reader.takeOver({ space: () => body.#space(), filled: (count, bytes) => body.#came(count, bytes) } satisfies Taker);
    return body;
  }

  private constructor(incoming: IncomingMessage, length: number) {
    super({ highWaterMark: bufferBytes });
    this.#socket = incoming.socket;
    this.#left = length;
    this.#incoming = incoming;
    // To the parser the connection ends in the middle of the body: it never sees the rest.
    incoming.on('error', () => undefined);
    const onEnd = (error?: Error) => {
      this.#failure ??= error ?? new Error('the connection was closed');
      this.#wake?.();
    };
    this.#socket
      .on('error', onEnd)
      .once('end', () => onEnd())
      .once('close', () => onEnd());
  }

  async *lent(): AsyncGenerator<Uint8Array, void, undefined> {
    // What destroys it is told to who asks for the next chunk: nobody listens for it here.
    this.on('error', () => undefined);
    try {
      yield* this.#each();
    } finally {
      this.destroy();
    }
  }

  async *#each(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let isDue = false; ;) {
      const chunk = this.#next(isDue);
      isDue = false;
      if (chunk) yield chunk;
      else if (this.#left === 0) return;
      else if (this.#failure)
        throw new ImageError('unavailable', `the connection broke off: ${this.#failure.message}`, { cause: this.#failure });
      else isDue = await this.#more();
    }
  }

  override _read(): void {
    // Not `lent`, which closes the stream with its last chunk: whoever waits for the end of a stream takes that for a break.
    this.#chunks ??= this.#each();
    this.#chunks.next().then(
      ({ done, value }) => this.push(done === true ? null : Buffer.from(value)),
      (error: Error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#failure ??= error ?? new Error('it was left unread');
    this.#socket.destroy();
    this.#wake?.();
    // Of a body that is not whole a buffer may still be in the system's hands, and what is lent is the reader's: it is not used again.
    if (this.#left === 0 && this.#ready === 0 && !this.#isLent)
      for (const buffer of this.#buffers) if (spare.length < maxSpare) spare.push(buffer);
    callback(error);
  }

  /** What is lent next, if there is something; the last chunk is given back by asking. `isDue`: whatever there is will do. */
  #next(isDue: boolean): Uint8Array | undefined {
    this.#isLent = false;
    const isEnough = this.#filled === bufferBytes || this.#left === 0 || this.#failure !== undefined || isDue;
    if (this.#ready === 0 && this.#filled > 0 && isEnough) this.#turn();
    if (this.#ready === 0) return undefined;
    const chunk = this.#buffers[this.#filling === 0 ? 1 : 0].subarray(0, this.#ready);
    this.#ready = 0;
    this.#isLent = true;
    return chunk;
  }

  #turn(): void {
    this.#ready = this.#filled;
    this.#filled = 0;
    this.#filling = this.#filling === 0 ? 1 : 0;
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** Waits for a full buffer, the end, or a moment. True after a moment. */
  #more(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(() => resolve(true)), handOver);
      this.#wake = () => {
        clearTimeout(timer);
        this.#settle(() => resolve(false));
      };
    });
  }

  #settle(resolve: () => void): void {
    this.#wake = undefined;
    resolve();
  }

  /** Where both buffers are taken the socket is paused, and what it fills when it goes on is the one that is given back by then. */
  #space(): Uint8Array {
    const early = this.#incoming?.read() as Buffer | null | undefined;
    this.#incoming = undefined;
    if (early) this.#came(early.length, early);
    if (this.#filled < bufferBytes) return this.#buffers[this.#filling].subarray(this.#filled);
    return this.#buffers[this.#filling === 0 ? 1 : 0];
  }

  /** Bytes have come, into the space that was given, or from elsewhere: then they are copied. */
  #came(length: number, bytes: Uint8Array): boolean {
    const wanted = Math.min(length, this.#left);
    const filling = this.#buffers[this.#filling];
    const isInPlace = bytes.buffer === filling.buffer && bytes.byteOffset === filling.byteOffset + this.#filled;
    if (!isInPlace) filling.set(bytes.subarray(0, wanted), this.#filled);
    this.#filled += wanted;
    this.#left -= wanted;
    if (this.#filled === bufferBytes || this.#left === 0) {
      if (this.#ready === 0 && !this.#isLent) this.#turn();
      else if (this.#left > 0) this.#isPaused = true;
      this.#wake?.();
    }
    return !this.#isPaused && this.#left > 0;
  }
}

function takeBuffer(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
}
