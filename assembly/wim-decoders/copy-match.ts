import { patterns } from './memory-map';

/**
 * Copies what lies `offset` bytes before `out` to `out`, up to `end`, and may overwrite 15 bytes behind it. No call of the machine's own copy even for long ones:
 * around a call the loops that this is in would keep their numbers in memory.
 */
@inline
export function copyMatch(out: usize, offset: u32, end: usize): void {
  let from = out - offset;
  if (offset >= 16) {
    // Most matches are not longer than this: no loop whose end is to be guessed.
    v128.store(out, v128.load(from));
    if (out + 16 >= end) return;
    do {
      out += 16;
      from += 16;
      v128.store(out, v128.load(from));
    } while (out + 16 < end);
  } else {
    const same = i8x16.swizzle(v128.load(from), v128.load(patterns + (offset << 4)));
    const step = <usize>load<u8>(patterns + offset);
    do {
      v128.store(out, same);
      out += step;
    } while (out < end);
  }
}

/** For each offset below 16 the places in 16 bytes that it repeats, and before these, in the place of offset 0, how many bytes of 16 are whole repetitions. */
export function prepareCopies(): void {
  for (let offset: u32 = 1; offset < 16; offset++) {
    for (let i: u32 = 0; i < 16; i++) store<u8>(patterns + (offset << 4) + i, <u8>(i % offset));
    store<u8>(patterns + offset, <u8>(16 - (16 % offset)));
  }
}
