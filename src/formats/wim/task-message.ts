/**
 * Tasks as they are sent to another thread: numbers and one text for all their steps and parts. A task can have a thousand of each, and as objects
 * they take both threads several microseconds each to write and to read.
 */
import type { DecodedPart, DecodeStep, DecodeTask } from './decode-task.ts';
import { wimCodecs } from './wim-header.ts';
import type { NewFile } from './write-new-file.ts';

export interface TaskMessage {
  readonly size: number;
  readonly steps: Float64Array;
  /** What steps of solid resources have besides numbers, by the step's number. */
  readonly solid: readonly (readonly [step: number, bounds: Float64Array, name: string | undefined])[];
  readonly parts: Float64Array;
  /** 40 digits for each part that has a sum, in their order. */
  readonly sums: string;
  /** What parts are to be made: numbers for each file, and the paths, with what no path has between them. */
  readonly files: Float64Array;
  readonly paths: string;
}

const stepNumbers = 9;
const partNumbers = 4;
const fileNumbers = 6;
const sumDigits = 40;
const betweenPaths = '\0';

/** The parts of a task as they are kept until its bytes are there: many tasks are under way at once, and small blobs are many in each. */
export class TaskParts {
  readonly #packed: Float64Array;

  constructor(packed: Float64Array) {
    this.#packed = packed;
  }

  get count(): number {
    return this.#packed.length / partNumbers;
  }

  /** The blob's number in the order in which they were asked for. */
  index(part: number): number {
    return numbers(this.#packed, part * partNumbers);
  }

  bytes(part: number, target: Uint8Array): Uint8Array {
    const at = numbers(this.#packed, part * partNumbers + 1);
    return target.subarray(at, at + numbers(this.#packed, part * partNumbers + 2));
  }

  /** Whether who decoded it has compared its sum. */
  isChecked(part: number): boolean {
    return numbers(this.#packed, part * partNumbers + 3) === 1;
  }
}

export function packTask({ steps, parts, size }: DecodeTask): TaskMessage {
  const stepsPacked = new Float64Array(steps.length * stepNumbers);
  const solid: [number, Float64Array, string | undefined][] = [];
  let at = 0;
  for (const [number, step] of steps.entries()) {
    stepsPacked[at++] = step.file;
    stepsPacked[at++] = step.offset;
    stepsPacked[at++] = step.packedSize;
    stepsPacked[at++] = step.size;
    stepsPacked[at++] = wimCodecs.indexOf(step.codec);
    stepsPacked[at++] = step.chunkSize;
    stepsPacked[at++] = step.firstChunk;
    stepsPacked[at++] = step.endChunk;
    stepsPacked[at++] = step.at;
    if (step.bounds) solid.push([number, step.bounds, step.name]);
  }
  const partsPacked = new Float64Array(parts.length * partNumbers);
  const files: number[] = [];
  const paths: string[] = [];
  let sums = '';
  at = 0;
  for (const [number, part] of parts.entries()) {
    partsPacked[at++] = part.index;
    partsPacked[at++] = part.at;
    partsPacked[at++] = part.length;
    // Parts may make what they say when they are asked.
    const { sha1 } = part;
    partsPacked[at++] = sha1 === undefined ? 0 : 1;
    sums += sha1 ?? '';
    for (const { path, accessed, written, mode, owner } of part.files ?? []) {
      files.push(number, accessed, written, mode, owner?.uid ?? -1, owner?.gid ?? -1);
      paths.push(path);
    }
  }
  return { size, steps: stepsPacked, solid, parts: partsPacked, sums, files: Float64Array.from(files), paths: paths.join(betweenPaths) };
}

export function unpackTask({ size, steps, solid, parts, sums, files, paths }: TaskMessage): DecodeTask {
  const bounds = new Map(solid.map(([step, own, name]) => [step, { bounds: own, name }]));
  const filesOf = unpackFiles(files, paths.split(betweenPaths));
  let sum = 0;
  return {
    size,
    steps: Array.from({ length: steps.length / stepNumbers }, (_, number): DecodeStep => {
      const at = number * stepNumbers;
      return {
        file: numbers(steps, at),
        offset: numbers(steps, at + 1),
        packedSize: numbers(steps, at + 2),
        size: numbers(steps, at + 3),
        codec: wimCodecs[numbers(steps, at + 4)] as DecodeStep['codec'],
        chunkSize: numbers(steps, at + 5),
        firstChunk: numbers(steps, at + 6),
        endChunk: numbers(steps, at + 7),
        at: numbers(steps, at + 8),
        ...bounds.get(number),
      };
    }),
    parts: Array.from({ length: parts.length / partNumbers }, (_, number): DecodedPart => {
      const at = number * partNumbers;
      const isWhole = numbers(parts, at + 3) === 1;
      return {
        index: numbers(parts, at),
        at: numbers(parts, at + 1),
        length: numbers(parts, at + 2),
        ...(isWhole ? { sha1: sums.slice(sum, (sum += sumDigits)), files: filesOf.get(number) } : {}),
      };
    }),
  };
}

function numbers(packed: Float64Array, at: number): number {
  return packed[at] as number;
}

/** The files of each part that has any. */
function unpackFiles(packed: Float64Array, paths: readonly string[]): Map<number, NewFile[]> {
  const filesOf = new Map<number, NewFile[]>();
  for (let file = 0; file < packed.length / fileNumbers; file++) {
    const at = file * fileNumbers;
    const part = numbers(packed, at);
    const uid = numbers(packed, at + 4);
    const made: NewFile = {
      path: paths[file] as string,
      accessed: numbers(packed, at + 1),
      written: numbers(packed, at + 2),
      mode: numbers(packed, at + 3),
      owner: uid < 0 ? undefined : { uid, gid: numbers(packed, at + 5) },
    };
    const others = filesOf.get(part);
    if (others) others.push(made);
    else filesOf.set(part, [made]);
  }
  return filesOf;
}
