/** The next four units of 16 bits, the first in the highest bits: XPRESS and LZX take their bits from the left. */
@inline
export function unitsAt(at: usize): u64 {
  return (<u64>rotl<u32>(load<u32>(at), 16) << 32) | <u64>rotl<u32>(load<u32>(at, 4), 16);
}
