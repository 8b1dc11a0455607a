import { lzxLengthSymbols, lzxMainSymbols, lzxSlotBases, lzxSlotBits } from './lzx-format.ts';
import { MatchFinder } from './match-finder.ts';

const chunkSize = 32_768;
const mainSymbols = lzxMainSymbols(chunkSize);
const longest = 257;
/** Places that are looked at for a match. More cost time and win a thousandth. */
const depth = 16;
/** A match so long is taken without looking further. */
const nice = 32;
/** Costs are in sixteenths of a bit. */
const bit = 16;

/** The slot of each offset. */
const slotOf = new Uint8Array(chunkSize);
for (let slot = 3; slot < 30; slot++) slotOf.fill(slot, lzxSlotBases[slot], lzxSlotBases[slot]! + (1 << lzxSlotBits[slot]!));

/**
 * Cuts a chunk into literals and matches, on the cheapest way from its begin to its end. What a symbol costs is known from how often it
 * comes on another way, which is found quickly and is not much dearer. Made once; the chunk is what the finder has.
 */
export class LzxParser {
  /** A literal, or `0x8000_0000 | slot << 21 | length - 2 << 13 | what chooses within the slot`. */
  readonly items: Int32Array = new Int32Array(chunkSize);
  readonly mainFrequencies: Uint32Array = new Uint32Array(mainSymbols);
  readonly lengthFrequencies: Uint32Array = new Uint32Array(lzxLengthSymbols);
  readonly alignedFrequencies: Uint32Array = new Uint32Array(8);
  readonly finder: MatchFinder = new MatchFinder(longest, nice);
  /** Of all places, one behind the other. */
  readonly #matches = new Int32Array(1 << 19);
  readonly #firstMatch = new Int32Array(chunkSize + 1);
  readonly #mainCosts = new Int32Array(mainSymbols);
  readonly #lengthCosts = new Int32Array(longest + 1);
  /** Of the cheapest way to each place; and its last step: `length << 16 | kind`, kinds being 0 to 2 a recent offset, others an offset + 2; 0 a literal. */
  readonly #costs = new Int32Array(chunkSize + 1);
  readonly #steps = new Int32Array(chunkSize + 1);
  /** Recent offsets at each place, on the cheapest way to it. */
  readonly #recent0 = new Int16Array(chunkSize + 1);
  readonly #recent1 = new Int16Array(chunkSize + 1);
  readonly #recent2 = new Int16Array(chunkSize + 1);
  /** Recent offsets on the quick way. */
  readonly #near = new Int32Array(3);
  #score = 0;

  /** Finds items, and counts their symbols. @returns how many items there are */
  parse(size: number): number {
    this.#collect(size);
    this.#tryQuickly(size);
    learn(this.mainFrequencies, this.#mainCosts, 0);
    learn(this.lengthFrequencies, this.#lengthCosts, 9);
    this.#walk(size);
    return this.#take(size);
  }

  /** All matches of all places; none inside one that is taken without looking further. */
  #collect(size: number): void {
    const { finder } = this;
    const matches = this.#matches;
    const first = this.#firstMatch;
    let count = 0;
    first[0] = 0;
    for (let at = 0; at < size;) {
      const before = count;
      if (count < matches.length - 256) count = finder.collect(at, depth, matches, count);
      else finder.skip(at, at + 1);
      first[++at] = count;
      const length = count > before ? matches[count - 1]! >>> 16 : 0;
      if (length < nice) continue;
      const end = at + length - 1;
      finder.skip(at, end);
      first.fill(count, at + 1, end + 1);
      at = end;
    }
  }

  /** A quick way: always what spares most at once, or one byte on. Counts its symbols. */
  #tryQuickly(size: number): void {
    const { bytes } = this.finder;
    const main = this.mainFrequencies;
    const lengths = this.lengthFrequencies;
    main.fill(0);
    lengths.fill(0);
    this.#near.fill(1);
    let match = this.#best(0, size);
    let score = this.#score;
    for (let at = 0; at < size;) {
      if (score > 0) {
        const next = match >>> 16 < nice && at + 1 < size ? this.#best(at + 1, size) : 0;
        if (next === 0 || this.#score <= score + 2) {
          const length = match >>> 16;
          const offset = match & 0xffff;
          const near = this.#near;
          let slot = offset === near[0] ? 0 : offset === near[1] ? 1 : offset === near[2] ? 2 : 3;
          if (slot === 3) {
            slot = slotOf[offset]!;
            near[2] = near[1]!;
            near[1] = near[0]!;
          } else near[slot] = near[0]!;
          near[0] = offset;
          main[256 + 8 * slot + Math.min(7, length - 2)]!++;
          if (length >= 9) lengths[length - 9]!++;
          at += length;
          if (at < size) match = this.#best(at, size);
          score = this.#score;
          continue;
        }
        main[bytes[at++]!]!++;
        match = next;
        score = this.#score;
      } else {
        main[bytes[at++]!]!++;
        if (at < size) match = this.#best(at, size);
        score = this.#score;
      }
    }
  }

  /**
   * What spares most at `at`: a recent offset, which costs little, or the longest match. `#score` says how much, in about half bits: nothing above 0 where literals are as good.
   * @returns `length << 16 | offset`
   */
  #best(at: number, size: number): number {
    const { finder } = this;
    const near = this.#near;
    const { view } = finder;
    const first = view.getUint16(at, true);
    const most = Math.min(longest, size - at);
    let length = 1;
    let offset = 0;
    for (let i = 0; i < 3; i++) {
      const place = at - near[i]!;
      if (place < 0 || view.getUint16(place, true) !== first) continue;
      const found = finder.lengthAt(at, place, most);
      if (found > length) {
        length = found;
        offset = near[i]!;
      }
    }
    this.#score = length < 2 ? 0 : 13 * length - 13;
    const end = this.#firstMatch[at + 1]!;
    if (end > this.#firstMatch[at]!) {
      const match = this.#matches[end - 1]!;
      const score = 13 * (match >>> 16) - 12 - 2 * (31 - Math.clz32(match & 0xffff));
      if (score > this.#score) {
        this.#score = score;
        return match;
      }
    }
    return length < 2 ? 0 : (length << 16) | offset;
  }

  /** The cheapest way to each place, from the first on: each step from a place is tried when the cheapest way to it is known. */
  #walk(size: number): void {
    const costs = this.#costs;
    const steps = this.#steps;
    const { finder } = this;
    const { bytes, view } = finder;
    const main = this.#mainCosts;
    const matches = this.#matches;
    const first = this.#firstMatch;
    const r0 = this.#recent0;
    const r1 = this.#recent1;
    const r2 = this.#recent2;
    costs.fill(0x7fff_ffff, 1, size + 1);
    costs[0] = 0;
    r0[0] = 1;
    r1[0] = 1;
    r2[0] = 1;
    for (let at = 0; at < size;) {
      const cost = costs[at]!;
      let recent0 = 1;
      let recent1 = 1;
      let recent2 = 1;
      if (at > 0) {
        const step = steps[at]!;
        if (step === 0) {
          recent0 = r0[at - 1]!;
          recent1 = r1[at - 1]!;
          recent2 = r2[at - 1]!;
        } else {
          const from = at - (step >>> 16);
          const kind = step & 0xffff;
          recent0 = r0[from]!;
          recent1 = r1[from]!;
          recent2 = r2[from]!;
          if (kind === 1) {
            recent1 = recent0;
            recent0 = r1[from]!;
          } else if (kind === 2) {
            recent2 = recent0;
            recent0 = r2[from]!;
          } else if (kind > 2) {
            recent2 = recent1;
            recent1 = recent0;
            recent0 = kind - 2;
          }
        }
        r0[at] = recent0;
        r1[at] = recent1;
        r2[at] = recent2;
      }
      const literal = cost + main[bytes[at]!]!;
      if (literal < costs[at + 1]!) {
        costs[at + 1] = literal;
        steps[at + 1] = 0;
      }
      const most = Math.min(longest, size - at);
      const next = view.getUint16(at, true);
      let jump = 0;
      for (let kind = 0; kind < 3; kind++) {
        const place = at - (kind === 0 ? recent0 : kind === 1 ? recent1 : recent2);
        if (place < 0 || view.getUint16(place, true) !== next) continue;
        const length = finder.lengthAt(at, place, most);
        if (length < 2) continue;
        if (length >= nice) jump = Math.max(jump, length);
        this.#reach(at, length >= nice ? length : 2, length, cost, 256 + 8 * kind, kind);
      }
      const end = first[at + 1]!;
      let least = 3;
      for (let i = first[at]!; i < end; i++) {
        const match = matches[i]!;
        const length = match >>> 16;
        const offset = match & 0xffff;
        const slot = slotOf[offset]!;
        if (length >= nice) {
          least = length;
          jump = Math.max(jump, length);
        }
        this.#reach(at, least, length, cost + lzxSlotBits[slot]! * bit, 256 + 8 * slot, offset + 2);
        least = length + 1;
      }
      at += jump || 1;
    }
  }

  /** Ways over one match, of each length from `least` to `length`. */
  #reach(at: number, least: number, length: number, cost: number, symbol: number, kind: number): void {
    const costs = this.#costs;
    const steps = this.#steps;
    const main = this.#mainCosts;
    let taken = least;
    const short = Math.min(length, 8);
    for (; taken <= short; taken++) {
      const all = cost + main[symbol + taken - 2]!;
      if (all < costs[at + taken]!) {
        costs[at + taken] = all;
        steps[at + taken] = (taken << 16) | kind;
      }
    }
    const lengthCosts = this.#lengthCosts;
    const long = cost + main[symbol + 7]!;
    for (; taken <= length; taken++) {
      const all = long + lengthCosts[taken]!;
      if (all < costs[at + taken]!) {
        costs[at + taken] = all;
        steps[at + taken] = (taken << 16) | kind;
      }
    }
  }

  /** Makes items of the cheapest way, and counts their symbols. */
  #take(size: number): number {
    const steps = this.#steps;
    const { items, finder } = this;
    const { bytes } = finder;
    const main = this.mainFrequencies;
    const lengths = this.lengthFrequencies;
    const aligned = this.alignedFrequencies;
    main.fill(0);
    lengths.fill(0);
    aligned.fill(0);
    // From its end, into the end of the items.
    let first = items.length;
    for (let at = size; at > 0;) {
      const step = steps[at]!;
      items[--first] = step;
      at -= step >>> 16 || 1;
    }
    let recent0 = 1;
    let recent1 = 1;
    let recent2 = 1;
    let at = 0;
    let count = 0;
    for (; first < items.length; first++) {
      const step = items[first]!;
      if (step === 0) {
        const literal = bytes[at++]!;
        main[literal]!++;
        items[count++] = literal;
        continue;
      }
      const length = step >>> 16;
      const kind = step & 0xffff;
      const offset = kind === 0 ? recent0 : kind === 1 ? recent1 : kind === 2 ? recent2 : kind - 2;
      let slot = Math.min(kind, 3);
      let choice = 0;
      if (slot === 1) recent1 = recent0;
      else if (slot === 2) recent2 = recent0;
      else if (slot === 3) {
        slot = slotOf[offset]!;
        choice = offset - lzxSlotBases[slot]!;
        if (slot >= 8) aligned[choice & 7]!++;
        recent2 = recent1;
        recent1 = recent0;
      }
      recent0 = offset;
      main[256 + 8 * slot + Math.min(7, length - 2)]!++;
      if (length >= 9) lengths[length - 9]!++;
      items[count++] = 0x8000_0000 | (slot << 21) | ((length - 2) << 13) | choice;
      at += length;
    }
    return count;
  }
}

/** Logarithms to base 2, in sixteenths: made by what gives the same on every machine, as `Math.log2` need not. */
const logarithms = new Uint16Array(chunkSize + 2);
const step = Math.sqrt(Math.sqrt(Math.sqrt(Math.sqrt(2))));
for (let number = 1, power = step, log = 0; number < logarithms.length; number++) {
  for (; power <= number; power *= step) log++;
  logarithms[number] = log;
}

/** What symbols cost that came so often. One that did not come costs a bit more than one that came once. */
function learn(frequencies: Uint32Array, costs: Int32Array, start: number): void {
  let total = 0;
  for (const frequency of frequencies) total += frequency;
  const all = logarithms[total + 1]!;
  for (let symbol = 0; symbol < frequencies.length; symbol++) {
    const frequency = frequencies[symbol]!;
    const cost = frequency === 0 ? all + bit : all - logarithms[frequency]!;
    costs[start + symbol] = Math.max(bit, Math.min(15 * bit, cost));
  }
}
