/** LZX as WIM has it, for its encoder: slots of offsets, sizes of codes, and the calls of x86 code. */

/** Lengths of 9 and more that a main symbol leaves to the second code. */
export const lzxLengthSymbols = 249;

/** A slot stands for offsets from its base on, as many as its bits tell apart. The first three are recent offsets. */
export const lzxSlotBits = new Uint8Array(50);
export const lzxSlotBases = new Int32Array(50);
for (let slot = 3, base = 1; slot < 50; slot++) {
  lzxSlotBases[slot] = base;
  lzxSlotBits[slot] = slot < 4 ? 0 : Math.min(17, (slot >> 1) - 1);
  base += 1 << lzxSlotBits[slot]!;
}

/** 256 literals, and 8 lengths for each slot that a chunk of this size can need. */
export function lzxMainSymbols(chunkSize: number): number {
  const order = Math.max(15, Math.ceil(Math.log2(chunkSize)));
  return 256 + 8 * [30, 32, 34, 36, 38, 42, 50][order - 15]!;
}

/** Only this long is a file said to be, whatever it is: targets of calls are made absolute within it. */
const callSpan = 12_000_000;
const call = 0xe8;

/** Makes the targets of calls absolute: what the decoder undoes. */
export function doCalls(bytes: Uint8Array, view: DataView, size: number): void {
  const end = size - 10;
  for (let at = bytes.indexOf(call); at !== -1 && at < end; at = bytes.indexOf(call, at + 5)) {
    const target = view.getInt32(at + 1, true);
    if (target >= -at && target < callSpan) view.setInt32(at + 1, target < callSpan - at ? target + at : target - callSpan, true);
  }
}
