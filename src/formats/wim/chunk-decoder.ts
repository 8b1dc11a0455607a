import { readFileSync } from 'node:fs';
import { ImageError } from '../../errors.ts';
import { lzxMainSymbols } from './lzx-format.ts';
import { wimCodecs, type WimCompression } from './wim-header.ts';

export type ChunkCodec = Exclude<WimCompression, 'none'>;

/** What a chunk decoder may touch behind its source and its target. Bytes. */
const padding = 16;

/** How much of the memory the decoders need for themselves. Bytes. */
const stateSize = 2 ** 19;

interface Decoders {
  readonly end: { readonly value: number };
  decode(codec: number, source: number, length: number, target: number, size: number, mainSymbols: number, hasLongBlocks: boolean): number;
}

/** What of WebAssembly is used here: Node has it, its types do not say so. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => DecoderModule;
  readonly Instance: new (module: DecoderModule, imports: object) => { readonly exports: Decoders };
  readonly Memory: new (limits: { initial: number; maximum: number; shared: true }) => SharedMemory;
};

/** The compiled decoders. Threads may share it. */
export interface DecoderModule {
  readonly __brand?: 'WebAssembly.Module';
}

export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
}

let compiled: DecoderModule | undefined;

/** From assembly/wim-decoders, compiled by the build. */
export function decoderModule(): DecoderModule {
  return (compiled ??= new WebAssembly.Module(readFileSync(new URL('./wim-decoders.wasm', import.meta.url))));
}

/**
 * A memory for one thread's decoders, which others may read: targets that chunks are decoded into, and a window for packed ones. It takes of the machine what is written
 * to of it. What is behind a target or the window, as much as a decoder may touch, is the memory's too.
 */
export class DecoderMemory {
  /** To be sent to another thread, which makes another of these from it. */
  readonly memory: SharedMemory;
  readonly targets: readonly Uint8Array[];
  readonly window: Uint8Array;

  /** @param size of each target, and of the window. Bytes. */
  constructor(size: number, targets: number, memory?: SharedMemory) {
    const room = size + padding;
    const pages = Math.ceil((stateSize + room * (targets + 1)) / 65_536);
    this.memory = memory ?? new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const part = (number: number): Uint8Array => new Uint8Array(this.memory.buffer, stateSize + room * number, size);
    this.targets = Array.from({ length: targets }, (_, number) => part(number));
    this.window = part(targets);
  }
}

/** Decodes one chunk after another; all are independent. It allocates nothing for a chunk, and serves one thread. */
export class ChunkDecoder {
  readonly #decoders: Decoders;

  constructor({ memory }: DecoderMemory, module: DecoderModule = decoderModule()) {
    this.#decoders = new WebAssembly.Instance(module, { env: { memory } }).exports;
    if (this.#decoders.end.value > stateSize) throw new Error('the decoders need more memory than is set aside for them');
  }

  /**
   * @param chunkSize of the resource, a power of two that the codec allows
   * @param source where the packed chunk is in the memory; 16 bytes behind it are the memory's too, and are as before when this has ended
   * @param target where it is to be unpacked to in the memory; 16 bytes behind it may be overwritten
   * @param size what the chunk decodes to, in bytes
   * @throws ImageError `invalid-content` where it does not decode to exactly so many; what is at the target is then of no use
   */
  decode(codec: ChunkCodec, chunkSize: number, source: number, packedSize: number, target: number, size: number): void {
    const symbols = codec === 'lzx' ? lzxMainSymbols(chunkSize) : 0;
    const fault = this.#decoders.decode(wimCodecs.indexOf(codec), source, packedSize, target, size, symbols, chunkSize > 32_768);
    if (fault !== 0) throw new ImageError('invalid-content', `${codec.toUpperCase()} data is damaged: ${faults[fault]}`);
  }
}

/** By the numbers of assembly/wim-decoders/faults.ts. */
const faults = [
  '',
  'it ends too early',
  'it is shorter than the lengths of its code and the first bits',
  'its bytes are no whole stream',
  'it has a symbol of an empty code',
  'it has a length of an empty code',
  'it has an offset of an empty code',
  'its code is not complete',
  "the code of a code's lengths is not complete",
  'a main code is not complete',
  'a code of lengths is not complete',
  'a code of offsets is not complete',
  'a run of lengths has no length',
  'a run of lengths passes their end',
  'a match begins before the chunk',
  'a match passes the end of its block',
  'a match passes the end of the chunk',
  'the length of a match is wrong',
  'a delta match begins before the chunk',
  'a delta match passes the end of the chunk',
  'a block is of no known type',
  'the size of a block is wrong',
  'a recent offset is 0',
] as const;
