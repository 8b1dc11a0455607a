import { opcodes, usage } from './memory-map';

/** So far apart, in bytes, two uses of one target may be for the later to be taken for a real one. */
const maxReach: i32 = 65_535;
/** An instruction is believed to be code only so near behind another that was. */
const window: i32 = 1023;
const callWindow: i32 = 511;

/** Once, before the opcodes chunk: the first bytes of instructions that may be meant. */
export function prepareX86(): void {
  memory.fill(opcodes, 0, 256);
  store<u8>(opcodes + 0x48, 1);
  store<u8>(opcodes + 0x4c, 1);
  store<u8>(opcodes + 0xe8, 1);
  store<u8>(opcodes + 0xe9, 1);
  store<u8>(opcodes + 0xf0, 1);
  store<u8>(opcodes + 0xff, 1);
}

/** Undoes what an LZMS encoder does to addresses in x86 code: relative ones, made absolute where the code around them seems to be code. */
export function undoX86(bytes: usize, size: u32): void {
  if (size <= 17) return;
  for (let place = usage; place < usage + 0x40000; place += 8) store<u64>(place, 0xffff0000_ffff0000);
  let last: i32 = -1024;
  const end = <i32>size - 16;
  let at: i32 = 1;
  while (at < end) {
    const here = bytes + at;
    const opcode = load<u8>(here);
    if (load<u8>(opcodes + opcode) === 0) {
      at++;
      continue;
    }
    let length: i32 = 0;
    let reach = window;
    if (opcode === 0xe8) {
      length = 1;
      reach = callWindow;
    } else if (opcode === 0xe9) {
      at += 5;
      continue;
    } else if (opcode === 0xff) {
      if (load<u8>(here, 1) === 0x15) length = 2;
    } else if (opcode === 0xf0) {
      if (load<u8>(here, 1) === 0x83 && load<u8>(here, 2) === 0x05) length = 3;
    } else if ((load<u8>(here, 2) & 7) === 5) {
      const second = load<u8>(here, 1);
      if (second === 0x8d || (second === 0x8b && opcode === 0x48 && (load<u8>(here, 2) & 0xf0) === 0)) length = 3;
    }
    if (length === 0) {
      at++;
      continue;
    }
    const place = here + length;
    if (at - last <= reach) store<i32>(place, load<i32>(place) - at);
    const target = usage + ((<usize>((at + <i32>load<u16>(place)) & 0xffff)) << 2);
    const until = at + length + 3;
    if (until - load<i32>(target) <= maxReach) last = until;
    store<i32>(target, until);
    at += length + 4;
  }
}
