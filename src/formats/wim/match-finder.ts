/**
 * Finds earlier copies of what comes next in a chunk of at most 32 KiB: chains of places where the same four bytes stood, latest first, and the
 * latest place of the same three.
 */
export class MatchFinder {
  /** The chunk, with zeros behind it. Fill it before `begin`. */
  readonly bytes: Uint8Array = new Uint8Array(maxSize + 16);
  readonly view: DataView = new DataView(this.bytes.buffer);
  readonly #heads3 = new Int16Array(1 << hash3Bits);
  readonly #heads4 = new Int16Array(1 << hash4Bits);
  readonly #earlier = new Int16Array(maxSize);
  readonly #longest: number;
  readonly #nice: number;
  #size = 0;
  #near = -1;

  /**
   * @param longest no match is longer; at most 32767
   * @param nice one so long ends the search
   */
  constructor(longest: number, nice: number) {
    this.#longest = longest;
    this.#nice = nice;
  }

  /** The first `size` bytes are a new chunk. */
  begin(size: number): void {
    this.bytes.fill(0, size, size + 16);
    this.#heads3.fill(-1);
    this.#heads4.fill(-1);
    this.#size = size;
  }

  /**
   * The longest match at `at` that is longer than `best`, the nearest of those. Each place is asked for or skipped once, in order.
   * @param best at least 2
   * @param depth so many places are looked at
   * @returns `length << 16 | offset`; 0 where there is none
   */
  find(at: number, best: number, depth: number): number {
    const { view } = this;
    const first = view.getInt32(at, true);
    let place = this.#enter(at, first);
    const near = this.#near;
    const most = Math.min(this.#longest, this.#size - at);
    if (most <= best) return 0;
    let from = -1;
    if (best < 3) {
      best = 3;
      if (near >= 0 && (view.getInt32(near, true) ^ first) << 8 === 0) from = near;
      if (most === 3) return from < 0 ? 0 : (3 << 16) | (at - from);
    }
    const earlier = this.#earlier;
    const nice = Math.min(this.#nice, most);
    let last = view.getInt32(at + best - 3, true);
    while (place >= 0 && depth-- > 0) {
      if (view.getInt32(place + best - 3, true) === last && view.getInt32(place, true) === first) {
        const length = this.lengthAt(at, place, most);
        if (length > best) {
          best = length;
          from = place;
          if (length >= nice) break;
          last = view.getInt32(at + best - 3, true);
        }
      }
      place = earlier[place]!;
    }
    return from < 0 ? 0 : (best << 16) | (at - from);
  }

  /**
   * All matches at `at` that are longer than every nearer one, the shortest first. Each place is asked for or skipped once, in order.
   * @param depth so many places are looked at
   * @param matches gets them as `find` gives them, from `count` on: at most one more than `depth`
   * @returns how many there are now
   */
  collect(at: number, depth: number, matches: Int32Array, count: number): number {
    const { view } = this;
    const first = view.getInt32(at, true);
    let place = this.#enter(at, first);
    const near = this.#near;
    const most = Math.min(this.#longest, this.#size - at);
    if (most < 3) return count;
    if (near >= 0 && (view.getInt32(near, true) ^ first) << 8 === 0) matches[count++] = (3 << 16) | (at - near);
    const earlier = this.#earlier;
    const nice = Math.min(this.#nice, most);
    let best = 3;
    let last = first;
    while (place >= 0 && depth-- > 0) {
      if (view.getInt32(place + best - 3, true) === last && view.getInt32(place, true) === first) {
        const length = this.lengthAt(at, place, most);
        if (length > best) {
          best = length;
          matches[count++] = (length << 16) | (at - place);
          if (length >= nice) break;
          last = view.getInt32(at + best - 3, true);
        }
      }
      place = earlier[place]!;
    }
    return count;
  }

  /** Makes `at` the latest place of its bytes. @returns the one before with the same four; `#near` is the one with the same three */
  #enter(at: number, first: number): number {
    const hash3 = Math.imul(first << 8, 0x9e37_79b1) >>> (32 - hash3Bits);
    const hash4 = Math.imul(first, 0x9e37_79b1) >>> (32 - hash4Bits);
    const place = this.#heads4[hash4]!;
    this.#near = this.#heads3[hash3]!;
    this.#heads3[hash3] = at;
    this.#heads4[hash4] = at;
    this.#earlier[at] = place;
    return place;
  }

  /** Notes places that no match is looked for at: of a match that was taken. */
  skip(at: number, end: number): void {
    for (; at < end; at++) this.#enter(at, this.view.getInt32(at, true));
  }

  /** How many bytes at `at` equal those at an earlier place. */
  lengthAt(at: number, place: number, most: number): number {
    const { view } = this;
    let length = 0;
    let differing = 0;
    while (length < most && (differing = view.getInt32(place + length, true) ^ view.getInt32(at + length, true)) === 0) length += 4;
    if (differing !== 0) length += (31 - Math.clz32(differing & -differing)) >> 3;
    return Math.min(length, most);
  }
}

const maxSize = 32_768;
const hash3Bits = 13;
const hash4Bits = 15;
