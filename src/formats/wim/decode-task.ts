import { hash } from 'node:crypto';
import { ImageError } from '../../errors.ts';
import { ChunkDecoder, type ChunkCodec, type DecoderMemory, type DecoderModule } from './chunk-decoder.ts';
import { writeNewFile, type NewFile } from './write-new-file.ts';
import type { WimCompression } from './wim-header.ts';
import { chunkEntrySize, readInto } from './wim-resource.ts';

/** A piece of work for one thread: some megabytes that are read, unpacked, and hashed or written where they are whole. */
export interface DecodeTask {
  readonly steps: readonly DecodeStep[];
  readonly parts: readonly DecodedPart[];
  /** Bytes that the steps decode to, together, and those of the tasks that it continues. */
  readonly size: number;
  /** Whether it is done in the target of the task before, with what that has decoded, of which it changes nothing. */
  readonly continues?: boolean | undefined;
}

/** Chunks of one resource, or bytes that are not packed, and where in the task's target they go. */
export interface DecodeStep {
  /** Which of the open files. */
  readonly file: number;
  /** Of the resource; of the first byte where nothing is packed. */
  readonly offset: number;
  readonly packedSize: number;
  /** Of the whole resource, unpacked; of bytes that are not packed, how many. */
  readonly size: number;
  readonly codec: WimCompression;
  readonly chunkSize: number;
  readonly firstChunk: number;
  /** The first that is not wanted. */
  readonly endChunk: number;
  /** Where in the file the wanted chunks begin, and where the last ends; undefined where the resource's own table says it. */
  readonly bounds?: Float64Array | undefined;
  readonly at: number;
  /** What errors call the resource where no blob is it: a solid one. */
  readonly name?: string | undefined;
}

/** A blob, or what of it is in this task. */
export interface DecodedPart {
  /** The blob's number in the order in which they were asked for. */
  readonly index: number;
  readonly at: number;
  readonly length: number;
  /** Of a blob that is whole here: checked by whoever decodes. */
  readonly sha1?: string | undefined;
  /** The files that are to have the content of a whole blob. */
  readonly files?: readonly NewFile[] | undefined;
}

/** An error of a task, with the blob that it is about. */
export class DecodeError extends ImageError {
  readonly index: number;
  readonly file: number;

  constructor(index: number, file: number, error: ImageError) {
    super(error.code, error.message, { hint: error.hint, detail: error.detail, cause: error });
    this.index = index;
    this.file = file;
  }
}

/** Read at once where more is wanted behind. Bytes. */
const readAhead = 2 ** 20;
/** Read by itself. Bytes. */
const largeRead = readAhead / 4;
/** Between two resources, as many bytes are read in vain rather than by another call. */
const maxGap = 65_536;

/** Decodes tasks, one after another, in the thread it is made in. */
export class TaskDecoder {
  readonly #descriptors: readonly number[];
  readonly #decoder: ChunkDecoder;
  readonly #targets: readonly Uint8Array[];
  /** Packed bytes of the file `#windowFile`, from `#windowStart` to `#windowEnd`. */
  readonly #window: Uint8Array;
  #windowFile = -1;
  #windowStart = 0;
  #windowEnd = 0;

  constructor(descriptors: readonly number[], memory: DecoderMemory, module?: DecoderModule) {
    this.#descriptors = descriptors;
    this.#decoder = new ChunkDecoder(memory, module);
    this.#targets = memory.targets;
    this.#window = memory.window;
  }

  /**
   * @param number of the memory's target that it is decoded into
   * @throws DecodeError
   */
  run(task: DecodeTask, number: number): void {
    const { steps, parts } = task;
    const target = this.#targets[number] as Uint8Array;
    for (let index = 0; index < steps.length; index++) {
      const step = steps[index] as DecodeStep;
      try {
        if (step.codec === 'none') this.#copy(steps, index, target);
        else this.#decode(steps, index, target);
      } catch (error) {
        throw new DecodeError(firstPartAt(parts, step.at), step.file, error as ImageError);
      }
    }
    for (const part of parts) {
      const { sha1 } = part;
      if (sha1 === undefined) continue;
      const bytes = target.subarray(part.at, part.at + part.length);
      const found = hash('sha1', bytes, 'hex');
      if (found !== sha1) throw new DecodeError(part.index, -1, wrongHash(found, sha1));
      try {
        for (const file of part.files ?? []) writeNewFile(file, bytes);
      } catch (error) {
        throw new DecodeError(-1, -1, error as ImageError);
      }
    }
  }

  #copy(steps: readonly DecodeStep[], number: number, target: Uint8Array): void {
    const { file, offset, size, at } = steps[number] as DecodeStep;
    if (size >= largeRead) readInto(this.#descriptors[file] as number, target.subarray(at, at + size), offset, endsAt);
    else {
      const from = this.#read(file, offset, size, steps, number, undefined);
      target.set(this.#window.subarray(from, from + size), at);
    }
  }

  #decode(steps: readonly DecodeStep[], number: number, target: Uint8Array): void {
    const step = steps[number] as DecodeStep;
    const { codec, chunkSize, firstChunk, endChunk, size } = step;
    const bounds = step.bounds ?? this.#chunkTable(steps, number);
    const count = Math.ceil(size / chunkSize);
    let at = step.at;
    for (let chunk = firstChunk; chunk < endChunk; chunk++) {
      const start = bounds[chunk - firstChunk] as number;
      const packed = (bounds[chunk - firstChunk + 1] as number) - start;
      const unpacked = Math.min(chunkSize, size - chunk * chunkSize);
      const where = () => `${step.name === undefined ? '' : `${step.name}: `}chunk ${chunk} of ${count} at ${start}`;
      if (packed <= 0 || packed > unpacked)
        throw new ImageError(
          'invalid-content',
          `${where()}: ${packed} bytes for ${unpacked}: its entry in the chunk table decreases or is too large`,
        );
      const from = this.#read(step.file, start, packed, steps, number, bounds);
      if (packed === unpacked) target.set(this.#window.subarray(from, from + packed), at);
      else {
        try {
          this.#decoder.decode(codec as ChunkCodec, chunkSize, this.#window.byteOffset + from, packed, target.byteOffset + at, unpacked);
        } catch (error) {
          throw new ImageError('invalid-content', `${where()} does not decode: ${(error as Error).message}`, { cause: error });
        }
      }
      at += unpacked;
    }
  }

  /** Where the wanted chunks begin and the last ends, by the table in front of them (facts of its form: wimlib's and Microsoft's writers). */
  #chunkTable(steps: readonly DecodeStep[], number: number): Float64Array {
    const { file, offset, packedSize, size, chunkSize, firstChunk, endChunk } = steps[number] as DecodeStep;
    const count = Math.ceil(size / chunkSize);
    const entry = chunkEntrySize(size);
    const start = offset + (count - 1) * entry;
    const end = offset + packedSize;
    const bounds = new Float64Array(endChunk - firstChunk + 1);
    // The table says nothing of the first chunk and of the end.
    const from = Math.max(firstChunk, 1);
    const to = Math.min(endChunk, count - 1);
    if (from <= to) {
      const length = (to - from + 1) * entry;
      const at = this.#read(file, offset + (from - 1) * entry, length, steps, number, undefined);
      const view = new DataView(this.#window.buffer, this.#window.byteOffset + at, length);
      for (let chunk = from; chunk <= to; chunk++) {
        const place = (chunk - from) * entry;
        const relative =
          entry === 4 ? view.getUint32(place, true) : view.getUint32(place, true) + view.getUint32(place + 4, true) * 2 ** 32;
        if (start + relative > end)
          throw new ImageError(
            'invalid-content',
            `entry ${chunk - 1} of the chunk table at ${offset} leads beyond the resource, which ends at ${end}`,
          );
        bounds[chunk - firstChunk] = start + relative;
      }
    }
    if (firstChunk === 0) bounds[0] = start;
    if (endChunk === count) bounds[endChunk - firstChunk] = end;
    return bounds;
  }

  /** Brings packed bytes into the window, and what is wanted next behind them. @returns where in the window they are */
  #read(
    file: number,
    offset: number,
    length: number,
    steps: readonly DecodeStep[],
    number: number,
    bounds: Float64Array | undefined,
  ): number {
    if (file === this.#windowFile && offset >= this.#windowStart && offset + length <= this.#windowEnd) return offset - this.#windowStart;
    // Behind a large one the next would be cut, and read twice.
    const ahead = length >= largeRead ? 0 : Math.min(readAhead, wantedEnd(steps, number, bounds) - offset);
    const wanted = Math.max(length, ahead);
    this.#windowFile = -1;
    readInto(this.#descriptors[file] as number, this.#window.subarray(0, wanted), offset, endsAt);
    this.#windowFile = file;
    this.#windowStart = offset;
    this.#windowEnd = offset + wanted;
    return 0;
  }
}

/** Where what is wanted from here on ends, as far as it lies in one piece. */
function wantedEnd(steps: readonly DecodeStep[], number: number, bounds: Float64Array | undefined): number {
  const step = steps[number] as DecodeStep;
  const isPart = step.codec !== 'none' && step.endChunk - step.firstChunk < Math.ceil(step.size / step.chunkSize);
  if (bounds === undefined && isPart) return 0;
  let end = bounds ? (bounds.at(-1) as number) : step.offset + step.packedSize;
  for (let next = number + 1; next < steps.length; next++) {
    const { file, offset, packedSize, bounds: own, firstChunk } = steps[next] as DecodeStep;
    if (file !== step.file || own || firstChunk > 0 || offset < end || offset - end > maxGap) break;
    end = offset + packedSize;
    if (end - step.offset > readAhead) break;
  }
  return end;
}

function firstPartAt(parts: readonly DecodedPart[], at: number): number {
  return parts.find((part) => part.at + part.length > at)?.index ?? -1;
}

export function wrongHash(found: string, expected: string): ImageError {
  return new ImageError('digest-mismatch', `content has SHA-1 ${found}, expected ${expected}`);
}

function endsAt(at: number): ImageError {
  return new ImageError('invalid-content', `the file ends at ${at}, in the middle of it`);
}
