/**
 * Canonical Huffman codes, as the three codecs of WIM have them: shorter codes first, codes of one length in the order of their symbols. A table answers for the first
 * `rootBits` bits; longer codes, which are rare, are found by their length's first code.
 *
 * In memory: for each length the end of its codes as 16 bits from the left, what makes a code the place of its symbol, and where its symbols start; all symbols that have
 * a code in the order of their codes, u16. Elsewhere the table, u16, `symbol << 6 | length`, 0 where the code is longer and in an empty code.
 */

const sortedAt: usize = 216;

@inline
function limitOf(code: usize, length: u32): usize {
  return code + (length << 2);
}

@inline
function deltaOf(code: usize, length: u32): usize {
  return code + 68 + (length << 2);
}

@inline
function startOf(code: usize, length: u32): usize {
  return code + 136 + (length << 2);
}

/** Bytes that a code takes, in eights. @param capacity symbols that there is room for */
@inline
export function codeSize(capacity: u32): usize {
  return sortedAt + ((capacity * 2 + 7) & ~7);
}

/**
 * Takes lengths of 0 to 16 bits, a byte each.
 * @returns false where they are no whole code: too many, too few. A code of no symbols at all is one, and has nothing to decode.
 */
export function buildCode(code: usize, table: usize, rootBits: u32, lengths: usize, symbols: u32): bool {
  const sorted = code + sortedAt;
  memory.fill(startOf(code, 0), 0, 72);
  for (let first: u32 = 0; first < symbols; first += 16) {
    for (let used = usedOf(lengths, first, symbols); used !== 0; used &= used - 1) {
      const place = startOf(code, <u32>load<u8>(lengths + first + ctz(used)) + 1);
      store<u32>(place, load<u32>(place) + 1);
    }
  }
  let next: u32 = 0;
  for (let length: u32 = 1; length <= 16; length++) {
    const count = load<u32>(startOf(code, length + 1));
    const start = load<u32>(startOf(code, length));
    store<u32>(deltaOf(code, length), start - (next >> (16 - length)));
    next += count << (16 - length);
    store<u32>(limitOf(code, length), next);
    store<u32>(startOf(code, length + 1), start + count);
  }
  if (next === 0) {
    memory.fill(table, 0, 2 << rootBits);
    return true;
  }
  if (next !== 0x10000) return false;
  for (let first: u32 = 0; first < symbols; first += 16) {
    for (let used = usedOf(lengths, first, symbols); used !== 0; used &= used - 1) {
      const symbol = first + ctz(used);
      const place = startOf(code, load<u8>(lengths + symbol));
      const start = load<u32>(place);
      store<u16>(sorted + (start << 1), <u16>symbol);
      store<u32>(place, start + 1);
    }
  }
  // Codes ascend in this order, and so do their places in the table.
  let place = table;
  let at = sorted;
  for (let length: u32 = 1; length <= rootBits; length++) {
    const end = sorted + (load<u32>(startOf(code, length)) << 1);
    const width: usize = 2 << (rootBits - length);
    for (; at < end; at += 2) {
      const entry = ((<u32>load<u16>(at)) << 6) | length;
      const stop = place + width;
      if (width >= 16) for (; place < stop; place += 16) v128.store(place, i16x8.splat(<i16>entry));
      else if (width === 8) store<u64>(place, <u64>entry * 0x0001_0001_0001_0001);
      else if (width === 4) store<u32>(place, entry * 0x0001_0001);
      else store<u16>(place, <u16>entry);
      place = stop;
    }
  }
  memory.fill(place, 0, table + (2 << rootBits) - place);
  return true;
}

/**
 * Which of 16 symbols have a code, a bit each: of some hundred symbols most have none, in no order that a processor would guess.
 * 16 lengths are read, whatever lies behind the last.
 */
@inline
function usedOf(lengths: usize, first: u32, symbols: u32): u32 {
  const used = <u32>i8x16.bitmask(i8x16.ne(v128.load(lengths + first), i8x16.splat(0)));
  return symbols - first >= 16 ? used : used & ((1 << (symbols - first)) - 1);
}

/** True for a code of no symbols, in which nothing can be said. */
@inline
export function isEmpty(code: usize): bool {
  return load<u32>(limitOf(code, 16)) === 0;
}

/** The next symbol's entry, of a code whose table is known; 0 where the code is empty. @param bits from the left */
@inline
export function entryAt(code: usize, table: usize, rootBits: u32, bits: u64): u32 {
  const entry: u32 = load<u16>(table + placeOf(rootBits, bits));
  return entry === 0 ? longCode(code, rootBits, <u32>(bits >> 48)) : entry;
}

/** Of the entry for these bits in a table: to be read by `load<u16>`, with the table's address as its constant part where it is one. */
@inline
export function placeOf(rootBits: u32, bits: u64): usize {
  return <usize>(bits >> (63 - rootBits)) & ((2 << rootBits) - 2);
}

/** For codes that the table has not. @param next the next 16 bits @returns `symbol << 6 | length`; 0 where the code is empty */
export function longCode(code: usize, rootBits: u32, next: u32): u32 {
  for (let length = rootBits + 1; length <= 16; length++) {
    if (next < load<u32>(limitOf(code, length))) {
      const place = (next >> (16 - length)) + load<u32>(deltaOf(code, length));
      return (<u32>load<u16>(code + sortedAt + (place << 1)) << 6) | length;
    }
  }
  return 0;
}
