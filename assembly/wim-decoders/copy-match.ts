/** Above it the machine's own copy is faster than ours. */
const long: u32 = 256;

/** Copies what lies `offset` bytes before `out` to `out`, up to `end`, and may overwrite 7 bytes behind it. */
@inline
export function copyMatch(out: usize, offset: u32, end: usize): void {
  let from = out - offset;
  if (offset >= 8) {
    const length = <u32>(end - out);
    if (length > long && offset >= length) memory.copy(out, from, length);
    else
      do {
        store<u64>(out, load<u64>(from));
        out += 8;
        from += 8;
      } while (out < end);
  } else if (offset === 1) {
    const same: u64 = <u64>load<u8>(from) * 0x0101_0101_0101_0101;
    do {
      store<u64>(out, same);
      out += 8;
    } while (out < end);
  } else {
    do {
      store<u8>(out++, load<u8>(from++));
    } while (out < end);
  }
}
