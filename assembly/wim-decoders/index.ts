/**
 * The decoders of WIM's three codecs, for one thread. They work in a memory that they are given: packed chunks and room for what they unpack to lie above `end`.
 * A source is followed by 16 bytes of zeros, a target by 16 bytes that may be overwritten. Each function answers with a number of faults.ts.
 */

import { prepareLzms } from './lzms';
import { prepareX86 } from './lzms-x86';
import { prepareLzx } from './lzx';
import { staticEnd } from './memory-map';

export { decodeLzms } from './lzms';
export { decodeLzx } from './lzx';
export { decodeXpress } from './xpress';
export { end } from './memory-map';

if (__heap_base > staticEnd) unreachable();
prepareLzx();
prepareLzms();
prepareX86();
