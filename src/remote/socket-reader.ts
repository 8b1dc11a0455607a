import type { Duplex } from 'node:stream';

/** A socket's reads go here and not into a new buffer each: a new one per read costs twice as much, and larger ones only memory. llhttp copies what it passes on. */
const readBytes = 64 * 1024;

/** Who takes a socket's bytes straight from the system, past the HTTP parser. */
export interface Taker {
  /** Where the next bytes are to go. */
  space(): Uint8Array;
  /** So many have come, at the start of `bytes`, the space that was given. False where there is no more now: the socket waits until it is resumed. */
  filled(length: number, bytes: Uint8Array): boolean;
}

/** The `onread` of a socket: bytes go to the HTTP parser, until a body is taken over. */
export class SocketReader {
  readonly #emit: (bytes: Uint8Array) => void;
  readonly #own = Buffer.allocUnsafeSlow(readBytes);
  #taker: Taker | undefined;

  constructor(emit: (bytes: Uint8Array) => void) {
    this.#emit = emit;
  }

  space(): Uint8Array {
    return this.#taker?.space() ?? this.#own;
  }

  filled(length: number, bytes: Uint8Array): boolean {
    if (this.#taker) return this.#taker.filled(length, bytes);
    this.#emit(bytes.subarray(0, length));
    return true;
  }

  /** From now on the bytes are the taker's. To be called while bytes are being passed to the parser: what is left of those still goes there. */
  takeOver(taker: Taker): void {
    this.#taker = taker;
  }
}

const readers = new WeakMap<Duplex, SocketReader>();

export function setReader(socket: Duplex, reader: SocketReader): void {
  readers.set(socket, reader);
}

/** The reader of one of our own plain sockets; undefined for TLS and for what a proxy opened. */
export function readerOf(socket: Duplex): SocketReader | undefined {
  return readers.get(socket);
}
