import type { DecodedPart, DecodeStep, DecodeTask } from './decode-task.ts';
import type { WimPlace, WimResource } from './wim-resource.ts';
import type { NewFile } from './write-new-file.ts';

/** A blob that is to be decoded. What it says besides its place and size is asked for when its task is due. */
export interface WantedBlob {
  readonly place: WimPlace;
  readonly size: number;
  /** undefined: whoever gets the pieces checks them. */
  readonly sha1?: string | undefined;
  /** What is to be made of it while it is decoded. Not of blobs that are larger than a task's target: see `DecodedPart`. */
  readonly files?: readonly NewFile[] | undefined;
}

/** What one task unpacks to, unless a single chunk is larger. Bytes. */
export const taskSize = 2 ** 21;
/** Blobs in one task: a task of tiny ones is sent to a worker piece by piece, and that takes more memory than they do. A solid chunk can have fifty thousand. */
const maxParts = 256;

/**
 * Cuts work into tasks: blobs in their order, small ones together, large ones in several. What follows each other in one solid resource is decoded once.
 * Empty blobs are in no task.
 */
export function* planDecoding(blobs: Iterable<WantedBlob>): Generator<DecodeTask, void, undefined> {
  let plan = new Plan();
  let index = -1;
  for (const wanted of blobs) {
    index++;
    const { place, size } = wanted;
    const { resource } = place;
    for (let done = 0; done < size;) {
      const from = place.from + done;
      if (plan.parts.length >= maxParts) {
        yield plan;
        // In the same solid resource the next task goes on with what this one has decoded: its chunk would be decoded again.
        plan = plan.goesOn(resource) ? plan.next() : new Plan();
      }
      const added = plan.add(resource, from, size - done);
      if (added === 0) {
        if (plan.parts.length > 0) yield plan;
        plan = new Plan();
        continue;
      }
      const isWhole = added === size;
      plan.parts.push(new PlannedPart(index, plan.placeOf(from), added, isWhole ? wanted : undefined));
      done += added;
    }
  }
  if (plan.parts.length > 0) yield plan;
}

/** Sums, and above all files with their paths, are made when they are sent: made here, most would outlive V8's first two looks for garbage, by the hundred megabytes. */
class PlannedPart implements DecodedPart {
  readonly index: number;
  readonly at: number;
  readonly length: number;
  readonly #whole: WantedBlob | undefined;

  constructor(index: number, at: number, length: number, whole: WantedBlob | undefined) {
    this.index = index;
    this.at = at;
    this.length = length;
    this.#whole = whole;
  }

  get sha1(): string | undefined {
    return this.#whole?.sha1;
  }

  get files(): readonly NewFile[] | undefined {
    return this.#whole?.files;
  }
}

class Plan implements DecodeTask {
  readonly steps: DecodeStep[] = [];
  readonly parts: DecodedPart[] = [];
  size = 0;
  readonly continues: boolean;
  #last: WimResource | undefined;
  /** What of the last resource has been planned: positions in what it unpacks to. */
  #lastFrom = 0;
  #lastEnd = 0;

  constructor(before?: Plan) {
    this.continues = before !== undefined;
    if (!before) return;
    this.size = before.size;
    this.#last = before.#last;
    this.#lastFrom = before.#lastFrom;
    this.#lastEnd = before.#lastEnd;
  }

  /** One that goes on in the same target, with nothing in it yet that is to be done. */
  next(): Plan {
    return new Plan(this);
  }

  /** Whether the last that was planned is in this resource. */
  goesOn(resource: WimResource): boolean {
    return resource === this.#last || (this.#last !== undefined && this.#isSame(resource));
  }

  /** Plans as much as there is room for, of so many bytes from `from` on; 0 where there is none. */
  add(resource: WimResource, from: number, length: number): number {
    const isNext = this.goesOn(resource);
    if (isNext && from >= this.#lastFrom && from + length <= this.#lastEnd) return length;
    // A chunk that is cut between two tasks would be decoded twice.
    const unit = resource.codec === 'none' ? 1 : resource.chunkSize;
    const continues = isNext && from <= this.#lastEnd && from >= this.#lastFrom;
    const start = continues ? this.#lastEnd : from - (from % unit);
    const isEmpty = this.size === 0;
    const room = Math.max(taskSize - this.size, isEmpty ? unit : 0);
    const wanted = Math.min(resource.size, Math.ceil((from + length) / unit) * unit);
    const most = wanted - start <= room ? wanted : start + room - (room % unit);
    // What fits into a task of its own is not cut.
    if (wanted > most && !isEmpty && wanted - start <= taskSize) return continues && start > from ? start - from : 0;
    const end = Math.min(wanted, most);
    if (end <= start) return continues && start > from ? start - from : 0;
    this.#extend(resource, start, end, continues);
    return Math.min(from + length, end) - from;
  }

  /** Where in the target the byte is that stands at `from` in the resource that was planned last. */
  placeOf(from: number): number {
    return this.size - (this.#lastEnd - from);
  }

  #isSame(resource: WimResource): boolean {
    return this.#last?.file === resource.file && this.#last.offset === resource.offset;
  }

  #extend(resource: WimResource, start: number, end: number, continues: boolean): void {
    const { file, offset, packedSize, size, codec, chunkSize, bounds } = resource;
    const at = this.size;
    if (codec === 'none') {
      this.steps.push({
        file,
        offset: offset + start,
        packedSize: end - start,
        size: end - start,
        codec,
        chunkSize: 0,
        firstChunk: 0,
        endChunk: 0,
        at,
      });
    } else {
      const firstChunk = start / chunkSize;
      const endChunk = Math.ceil(end / chunkSize);
      const own = bounds && { bounds: bounds.slice(firstChunk, endChunk + 1), name: `solid resource at ${offset}` };
      this.steps.push({ file, offset, packedSize, size, codec, chunkSize, firstChunk, endChunk, at, ...own });
    }
    if (!continues) this.#lastFrom = start;
    this.#last = resource;
    this.#lastEnd = end;
    this.size += end - start;
  }
}
