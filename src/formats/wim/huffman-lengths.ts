/**
 * Chooses the lengths of a Huffman code's codes. Which of several best codes it is matters: the decoder of LZMS makes the same one as the
 * encoder did. A leaf goes before an inner node of the same weight, leaves of one weight in the order of symbols, and the longest lengths
 * to the rarest symbols.
 */
export class HuffmanLengths {
  readonly #keys: Int32Array;
  readonly #spare: Int32Array;
  readonly #weights: Int32Array;
  readonly #parents: Int32Array;
  readonly #buckets = new Int32Array(257);
  readonly #counts = new Int32Array(18);

  /** @param symbols at most 1024 */
  constructor(symbols: number) {
    this.#keys = new Int32Array(symbols);
    this.#spare = new Int32Array(symbols);
    this.#weights = new Int32Array(symbols);
    this.#parents = new Int32Array(symbols);
  }

  /**
   * Lengths for so many symbols, 0 for those that do not occur. Where only one occurs, another gets a code too: a code is whole or empty.
   * @param frequencies below 2^21 each
   * @param limit no code is longer; 16 at most
   */
  choose(frequencies: Uint32Array, symbols: number, limit: number, lengths: Uint8Array, start = 0): void {
    const count = this.#sort(frequencies, symbols);
    lengths.fill(0, start, start + symbols);
    const keys = this.#keys;
    if (count < 2) {
      if (count === 0) return;
      const only = keys[0]! & 1023;
      lengths[start + only] = 1;
      lengths[start + (only === 0 ? 1 : 0)] = 1;
      return;
    }
    // Inner nodes come into being in the order of their weights: two queues, of leaves and of these, always have the two lightest in front.
    const weights = this.#weights;
    const parents = this.#parents;
    let leaf = 0;
    let node = 0;
    for (let made = 0; made < count - 1; made++) {
      let weight = 0;
      for (let side = 0; side < 2; side++) {
        if (leaf < count && (node >= made || keys[leaf]! >>> 10 <= weights[node]!)) weight += keys[leaf++]! >>> 10;
        else {
          weight += weights[node]!;
          parents[node++] = made;
        }
      }
      weights[made] = weight;
    }
    const counts = this.#counts;
    counts.fill(0);
    counts[1] = 2;
    // From the root down; an inner node takes the place of a leaf and makes two below it. Too deep: another leaf further up is split instead.
    const depths = weights;
    depths[count - 2] = 0;
    for (let inner = count - 3; inner >= 0; inner--) {
      const depth = depths[parents[inner]!]! + 1;
      depths[inner] = depth;
      let at = depth;
      if (at >= limit) {
        at = limit - 1;
        while (counts[at] === 0) at--;
      }
      counts[at]!--;
      counts[at + 1]! += 2;
    }
    let next = 0;
    for (let length = limit; length > 0; length--) {
      for (let left = counts[length]!; left > 0; left--) lengths[start + (keys[next++]! & 1023)] = length;
    }
  }

  /** Puts `frequency << 10 | symbol` of all that occur into `#keys`, ascending. Most frequencies are small: one pass by their low bits, others only where there are any. */
  #sort(frequencies: Uint32Array, symbols: number): number {
    const buckets = this.#buckets;
    let from = this.#keys;
    let to = this.#spare;
    let count = 0;
    let all = 0;
    for (let symbol = 0; symbol < symbols; symbol++) {
      const frequency = frequencies[symbol]!;
      if (frequency === 0) continue;
      all |= frequency;
      from[count++] = (frequency << 10) | symbol;
    }
    for (let shift = 10; all >>> (shift - 10) > 0 && shift < 32; shift += 8) {
      buckets.fill(0);
      for (let i = 0; i < count; i++) buckets[((from[i]! >>> shift) & 255) + 1]!++;
      for (let i = 1; i < 256; i++) buckets[i]! += buckets[i - 1]!;
      for (let i = 0; i < count; i++) {
        const key = from[i]!;
        to[buckets[(key >>> shift) & 255]!++] = key;
      }
      [from, to] = [to, from];
    }
    if (from !== this.#keys) this.#keys.set(from.subarray(0, count));
    return count;
  }
}
