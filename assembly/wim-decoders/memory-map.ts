/**
 * Where everything lies in the memory. There is no allocator: each chunk begins anew in the same places. What follows `end` is the caller's: packed chunks, and what
 * they unpack to.
 */

/** Constants of the module, which its loader puts at the beginning, end below. */
export const staticEnd: usize = 0x2000;

// XPRESS and LZX: lengths of codes, a byte each, and the codes.
export const mainLengths: usize = 0x2000;
export const lengthLengths: usize = 0x2400;
export const smallLengths: usize = 0x2500;
export const mainCode: usize = 0x4000;
export const lengthCode: usize = 0x6000;
export const alignedCode: usize = 0x8000;
export const preCode: usize = 0xa000;
export const lzxSlots: usize = 0xc000;

// How lengths of codes are chosen: room for 1024 symbols each.
export const keys: usize = 0x10000;
export const spareKeys: usize = 0x11000;
export const weights: usize = 0x12000;
export const parents: usize = 0x13000;
export const buckets: usize = 0x14000;
export const counts: usize = 0x15000;

// How matches with a small offset repeat.
export const patterns: usize = 0x16000;

// The tables of XPRESS's and LZX's codes: as constants they are part of the instruction that reads them, a cycle less for each symbol.
export const mainTable: usize = 0x17000;
export const lengthTable: usize = 0x18000;
export const alignedTable: usize = 0x19000;
export const preTable: usize = 0x1a000;

// LZMS.
export const adaptiveCodes: usize = 0x20000;
export const probabilities: usize = 0x30000;
export const contexts: usize = 0x32000;
export const deltaQueue: usize = 0x32100;
export const offsetSlots: usize = 0x34000;
export const lengthSlots: usize = 0x36000;
export const opcodes: usize = 0x38000;
export const usage: usize = 0x40000;

export const end: usize = 0x80000;
