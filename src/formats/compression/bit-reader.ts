/** Reads bits from bytes, the highest of each byte first. */
export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #endsEarly: () => Error;
  readonly #end: number;
  #position: number;

  /** Begins at bit `position`; throws what `endsEarly` makes when bits are taken that are not there. */
  constructor(bytes: Uint8Array, position: number, endsEarly: () => Error) {
    this.#bytes = bytes;
    this.#position = position;
    this.#endsEarly = endsEarly;
    this.#end = 8 * bytes.length;
  }

  /** In bits, from the beginning of the bytes. */
  get position(): number {
    return this.#position;
  }

  /** The next bits, 24 at most, left where they are; zeros behind the end. */
  peek(count: number): number {
    const at = this.#position >> 3;
    const bytes = this.#bytes;
    const four = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    return (four << (this.#position & 7)) >>> (32 - count);
  }

  skip(count: number): void {
    this.#position += count;
    if (this.#position > this.#end) throw this.#endsEarly();
  }

  /** The next bits as a number, 24 at most. */
  read(count: number): number {
    const value = this.peek(count);
    this.skip(count);
    return value;
  }

  read32(): number {
    return this.read(16) * 0x1_0000 + this.read(16);
  }
}
