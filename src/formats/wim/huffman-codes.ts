const counts = new Int32Array(17);
const next = new Int32Array(17);

/**
 * The codes of a canonical Huffman code, for an encoder: by symbol, each as an integer of its length.
 * @param lengths 0 to 16 bits, a whole code or an empty one
 */
export function huffmanCodes(lengths: Uint8Array, symbols: number, codes: Uint16Array): void {
  counts.fill(0);
  for (let symbol = 0; symbol < symbols; symbol++) counts[lengths[symbol]!]!++;
  counts[0] = 0;
  for (let length = 1; length <= 16; length++) next[length] = (next[length - 1]! + counts[length - 1]!) << 1;
  for (let symbol = 0; symbol < symbols; symbol++) {
    const length = lengths[symbol]!;
    if (length !== 0) codes[symbol] = next[length]!++;
  }
}
