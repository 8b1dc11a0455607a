/** Bits of a range coder from the front of a chunk. Each decision has as many contexts as its last outcomes tell apart, and each context its probability. */

import { contexts, probabilities } from './memory-map';

let range: u32 = 0;
let code: u32 = 0;
let front: usize = 0;
let end: usize = 0;

export function beginRange(source: usize, sourceEnd: usize): void {
  range = 0xffff_ffff;
  code = rotl<u32>(load<u32>(source), 16);
  front = source + 4;
  end = sourceEnd;
  memory.fill(contexts, 0, 32);
  // The last 64 outcomes of a context, and how many of them were 0: 8 decisions of 64 contexts.
  for (let place = probabilities; place < probabilities + 0x2000; place += 16) {
    store<u64>(place, 0x5555_5555);
    store<u32>(place, 48, 8);
  }
}

/** @param mask of the contexts' bits */
@inline
export function decide(decision: u32, mask: u32): u32 {
  const context = load<u32>(contexts + (decision << 2));
  const place = probabilities + (decision << 10) + (context << 4);
  if (range <= 0xffff) {
    range <<= 16;
    code <<= 16;
    // What is not there counts as zeros.
    if (front < end) {
      code |= load<u16>(front);
      front += 2;
    }
  }
  const zeros = load<u32>(place, 8);
  const outcomes = load<u64>(place);
  // 1 to 63 of 64, never a certainty.
  const bound = (range >> 6) * (zeros + u32(zeros === 0) - (zeros >> 6));
  let outcome: u32;
  if (code < bound) {
    range = bound;
    outcome = 0;
  } else {
    range -= bound;
    code -= bound;
    outcome = 1;
  }
  store<u32>(place, zeros + <u32>(outcomes >> 63) - outcome, 8);
  store<u64>(place, (outcomes << 1) | <u64>outcome);
  store<u32>(contexts + (decision << 2), ((context << 1) | outcome) & mask);
  return outcome;
}
