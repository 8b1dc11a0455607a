/**
 * Decodes symbols of canonical Huffman codes, as the three codecs of WIM have them: shorter codes first, codes of one length in the order of
 * their symbols. A table answers for the first `rootBits` bits; longer codes, which are rare, are found by their length's first code.
 */
export class HuffmanDecoder {
  readonly rootBits: number;
  /** Indexed by the next `rootBits` bits: `symbol << 5 | length`; 0 where the code is longer, and in an empty code. */
  readonly table: Uint16Array;
  /** All symbols that have a code, in the order of their codes. */
  readonly #sorted: Uint16Array;
  /** For each length: the end of its codes, as 16 bits from the left. */
  readonly #limit = new Int32Array(17);
  /** For each length: what makes a code the place of its symbol. */
  readonly #delta = new Int32Array(17);
  readonly #starts = new Int32Array(18);

  constructor(symbols: number, rootBits: number) {
    this.rootBits = rootBits;
    this.table = new Uint16Array(1 << rootBits);
    this.#sorted = new Uint16Array(symbols);
  }

  /**
   * Takes lengths of 0 to 16 bits, those of symbol 0 at `start`.
   * @returns false where they are no whole code: too many, too few. A code of no symbols at all is one, and has nothing to decode.
   */
  build(lengths: Uint8Array, start: number, symbols: number): boolean {
    const starts = this.#starts;
    const sorted = this.#sorted;
    const table = this.table;
    const root = this.rootBits;
    starts.fill(0);
    for (let i = start; i < start + symbols; i++) starts[lengths[i]! + 1]!++;
    const unused = starts[1]!;
    starts[1] = 0;
    let code = 0;
    for (let length = 1; length <= 16; length++) {
      const count = starts[length + 1]!;
      this.#delta[length] = starts[length]! - (code >>> (16 - length));
      code += count << (16 - length);
      this.#limit[length] = code;
      starts[length + 1] = starts[length]! + count;
    }
    if (code !== 0x1_0000) {
      if (unused !== symbols) return false;
      table.fill(0);
      return true;
    }
    for (let i = start; i < start + symbols; i++) {
      const length = lengths[i]!;
      if (length !== 0) sorted[starts[length]!++] = i - start;
    }
    // Codes ascend in this order, and so do their places in the table.
    let place = 0;
    let at = 0;
    for (let length = 1; length <= root; length++) {
      const end = starts[length]!;
      const width = 1 << (root - length);
      for (; at < end; at++) {
        const entry = (sorted[at]! << 5) | length;
        if (width > 32) table.fill(entry, place, place + width);
        else for (let i = place; i < place + width; i++) table[i] = entry;
        place += width;
      }
    }
    table.fill(0, place);
    return true;
  }

  /** For codes that the table has not. @param next the next 16 bits @returns `symbol << 5 | length`; 0 where the code is empty */
  long(next: number): number {
    for (let length = this.rootBits + 1; length <= 16; length++) {
      if (next < this.#limit[length]!) return (this.#sorted[(next >>> (16 - length)) + this.#delta[length]!]! << 5) | length;
    }
    return 0;
  }
}
