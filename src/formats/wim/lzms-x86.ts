/** So far apart, in bytes, two uses of one target may be for the later to be taken for a real one. */
const maxReach = 65_535;
/** An instruction is believed to be code only so near behind another that was. */
const window = 1023;
const callWindow = 511;

/** Opcodes' first bytes. */
const first = new Uint8Array(256);
for (const byte of [0x48, 0x4c, 0xe8, 0xe9, 0xf0, 0xff]) first[byte] = 1;

/**
 * Undoes what an LZMS encoder does to addresses in x86 code: relative ones, made absolute where the code around them seems to be code.
 * @param usage 65,536 long; its content does not matter
 */
export function undoX86(bytes: Uint8Array, size: number, usage: Int32Array): void {
  if (size <= 17) return;
  usage.fill(-65_536);
  let last = -1024;
  const end = size - 16;
  let at = 1;
  while (at < end) {
    const opcode = bytes[at]!;
    if (first[opcode] === 0) {
      at++;
      continue;
    }
    let length = 0;
    let reach = window;
    if (opcode === 0xe8) {
      length = 1;
      reach = callWindow;
    } else if (opcode === 0xe9) {
      at += 5;
      continue;
    } else if (opcode === 0xff) {
      if (bytes[at + 1] === 0x15) length = 2;
    } else if (opcode === 0xf0) {
      if (bytes[at + 1] === 0x83 && bytes[at + 2] === 0x05) length = 3;
    } else if ((bytes[at + 2]! & 7) === 5) {
      const second = bytes[at + 1]!;
      if (second === 0x8d || (second === 0x8b && opcode === 0x48 && (bytes[at + 2]! & 0xf0) === 0)) length = 3;
    }
    if (length === 0) {
      at++;
      continue;
    }
    const place = at + length;
    if (at - last <= reach) {
      const value = (bytes[place]! | (bytes[place + 1]! << 8) | (bytes[place + 2]! << 16) | (bytes[place + 3]! << 24)) - at;
      bytes[place] = value;
      bytes[place + 1] = value >>> 8;
      bytes[place + 2] = value >>> 16;
      bytes[place + 3] = value >>> 24;
    }
    const target = (at + (bytes[place]! | (bytes[place + 1]! << 8))) & 0xffff;
    const until = place + 3;
    if (until - usage[target]! <= maxReach) last = until;
    usage[target] = until;
    at = place + 4;
  }
}
