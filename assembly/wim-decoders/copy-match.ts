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
  } else if (offset >= 8) {
    do {
      store<u64>(out, load<u64>(from));
      out += 8;
      from += 8;
    } while (out < end);
  } else if (offset === 1) {
    const same = v128.splat<u8>(load<u8>(from));
    do {
      v128.store(out, same);
      out += 16;
    } while (out < end);
  } else {
    do {
      store<u8>(out++, load<u8>(from++));
    } while (out < end);
  }
}
