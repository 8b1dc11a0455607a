import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { asImageError, ImageError } from '../../errors.ts';
import { canceled } from '../../io/concurrently.ts';
import { receivedError, type SentError } from '../../io/sent-error.ts';
import { DecoderMemory, decoderModule, type DecoderModule, type SharedMemory } from './chunk-decoder.ts';
import { DecodeError, TaskDecoder, type DecodeTask } from './decode-task.ts';
import { taskSize } from './plan-decoding.ts';
import { packTask, TaskParts, type TaskMessage } from './task-message.ts';

export interface DecoderData {
  readonly descriptors: readonly number[];
  /** Of each target; how many there are; the memory that they are in. */
  readonly size: number;
  readonly targets: number;
  readonly memory: SharedMemory;
  readonly module: DecoderModule;
}

export interface ToDecoder {
  readonly task: TaskMessage;
  /** Which of the worker's targets. */
  readonly target: number;
}

/** Answers come in the order of the tasks. */
export interface FromDecoder {
  readonly error?: SentError & { readonly index?: number; readonly file?: number };
}

/** A task that has been done, and what it unpacked to: until the next is asked for. */
export interface DecodedTask {
  readonly parts: TaskParts;
  readonly bytes: Uint8Array;
}

export interface DecodeOptions {
  readonly signal?: AbortSignal | undefined;
  /** Started before, and busy with nothing else; whoever started them ends them. */
  readonly workers?: DecodingWorkers | undefined;
  /** Bytes of the largest chunk. */
  readonly chunkSize: number;
}

/** With fewer tasks a worker would not have begun before this thread is done. */
const fewTasks = 8;
const maxWorkers = 4;
/** Tasks under way in one target, which continue each other: of what a chunk has, some is sent while the rest is still to be planned. */
const maxContinued = 4;
/** What all targets and sources together may take: of solid chunks of 64 MiB one is decoded at a time. Bytes. */
const maxMemory = 2 ** 27;
/** Memories of decoding in this thread, but for those of larger chunks: each reserves addresses by the gigabyte until it is collected. */
const kept: DecoderMemory[] = [];

/**
 * Does tasks in their order, ahead of who asks for them: in this thread where they are few, else in workers, as many as there are cores, four at most and two at least.
 * @param descriptors the open files; they must stay open until this has ended
 * @throws DecodeError of the first task that fails; ImageError `canceled`
 */
export async function* decodeAhead(
  tasks: Iterator<DecodeTask, unknown, undefined>,
  descriptors: readonly number[],
  options: DecodeOptions,
): AsyncGenerator<DecodedTask, void, undefined> {
  // Of large chunks a second one is reason enough, and each stands for thousands of files.
  const few = options.chunkSize > taskSize ? 1 : fewTasks;
  const first: DecodeTask[] = [];
  while (first.length <= few) {
    const next = tasks.next();
    if (next.done) break;
    first.push(next.value);
  }
  const size = Math.max(taskSize, options.chunkSize);
  const rest = { next: () => (first.length > 0 ? { done: false as const, value: first.shift() as DecodeTask } : tasks.next()) };
  if (first.length <= few) yield* inThisThread(rest, descriptors, size, options.signal);
  else if (options.workers) yield* inWorkers(rest, options.workers, options.signal);
  else {
    await using own = new DecodingWorkers(descriptors, size);
    yield* inWorkers(rest, own, options.signal);
  }
}

/**
 * The workers that decoding all of these files will need, while their user still looks at what else there is to know; undefined where there is too little for any.
 * @param bytes of all files
 */
export function startDecoding(descriptors: readonly number[], bytes: number, chunkSize: number): DecodingWorkers | undefined {
  return bytes > fewTasks * taskSize ? new DecodingWorkers(descriptors, Math.max(taskSize, chunkSize)).startAll() : undefined;
}

type Tasks = Pick<Iterator<DecodeTask, unknown, undefined>, 'next'>;

async function* inThisThread(
  tasks: Tasks,
  descriptors: readonly number[],
  size: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<DecodedTask, void, undefined> {
  const memory = (size === taskSize ? kept.pop() : undefined) ?? new DecoderMemory(size, 1);
  try {
    const decoder = new TaskDecoder(descriptors, memory);
    for (let next = tasks.next(); !next.done; next = tasks.next()) {
      if (signal?.aborted) throw canceled(signal.reason);
      decoder.run(next.value, 0);
      yield { parts: new TaskParts(packTask(next.value).parts), bytes: memory.targets[0] as Uint8Array };
      // Others have their turn between two pieces of work.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    if (size === taskSize && kept.length < maxWorkers) kept.push(memory);
  }
}

/** Workers that start when they are made, or one after another when they are needed. */
export class DecodingWorkers implements AsyncDisposable {
  /** Of each worker: one that is decoded into, one that is read, one more for the worker that is ahead of the other. */
  readonly targets: number;
  readonly #workers: DecodingWorker[] = [];
  readonly #most: number;
  readonly #start: () => DecodingWorker;

  /** @param size of a target, in bytes */
  constructor(descriptors: readonly number[], size: number) {
    this.targets = size * 4 * maxWorkers <= maxMemory ? 3 : 1;
    const room = Math.floor(maxMemory / (size * (this.targets + 1)));
    this.#most = Math.max(1, Math.min(maxWorkers, Math.max(2, availableParallelism()), room));
    this.#start = () => new DecodingWorker(descriptors, size, this.targets);
  }

  /** For what will need them all: a worker takes a twentieth of a second to begin. */
  startAll(): this {
    while (this.#workers.length < this.#most) this.#workers.push(this.#start());
    return this;
  }

  /** One with a free target; undefined where all have their hands full. */
  next(): DecodingWorker | undefined {
    let worker = this.#workers.toSorted((a, b) => b.free.length - a.free.length)[0];
    if ((worker === undefined || worker.free.length < this.targets) && this.#workers.length < this.#most)
      this.#workers.push((worker = this.#start()));
    return worker && worker.free.length > 0 ? worker : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker[Symbol.asyncDispose]()));
  }
}

/** A target, and how many tasks are to be done in it. */
interface Place {
  readonly worker: DecodingWorker;
  readonly target: number;
  tasks: number;
}

async function* inWorkers(
  tasks: Tasks,
  workers: DecodingWorkers,
  signal: AbortSignal | undefined,
): AsyncGenerator<DecodedTask, void, undefined> {
  const doing: { readonly parts: TaskParts; readonly place: Place; readonly done: Promise<void> }[] = [];
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => undefined);
  const onAbort = () => reject(canceled(signal?.reason));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal?.aborted) throw canceled(signal.reason);
    let place: Place | undefined;
    let next = tasks.next();
    for (;;) {
      while (!next.done) {
        const { continues } = next.value;
        if (!continues || !place) {
          const worker = workers.next();
          if (worker === undefined) break;
          place = { worker, target: worker.free.shift() as number, tasks: 0 };
        } else if (place.tasks >= maxContinued) break;
        const message = packTask(next.value);
        const done = place.worker.run(message, place.target);
        // It is waited for in its turn; until then its failure is not nobody's.
        done.catch(() => undefined);
        doing.push({ parts: new TaskParts(message.parts), place, done });
        place.tasks++;
        next = tasks.next();
      }
      const head = doing.shift();
      if (!head) return;
      const { worker, target } = head.place;
      await Promise.race([head.done, aborted]);
      yield { parts: head.parts, bytes: worker.targets[target] as Uint8Array };
      const isWanted = head.place === place && !next.done && next.value.continues;
      if (--head.place.tasks === 0 && !isWanted) worker.free.push(target);
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

class DecodingWorker implements AsyncDisposable {
  readonly targets: readonly Uint8Array[];
  /** Targets that nothing is decoded into and nobody reads. */
  readonly free: number[];
  readonly #worker: Worker;
  readonly #waiting: { readonly resolve: () => void; readonly reject: (error: ImageError) => void }[] = [];
  #failure: ImageError | undefined;

  constructor(descriptors: readonly number[], size: number, count: number) {
    const { targets, memory } = new DecoderMemory(size, count);
    this.targets = targets;
    this.free = targets.map((_, number) => number);
    this.#worker = new Worker(new URL('./wim-decoder.worker.ts', import.meta.url), {
      workerData: { descriptors, size, targets: count, memory, module: decoderModule() } satisfies DecoderData,
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    });
    this.#worker.on('message', ({ error }: FromDecoder) => {
      const waiting = this.#waiting.shift();
      if (!error) waiting?.resolve();
      else {
        const made = receivedError(error);
        waiting?.reject(error.index === undefined || error.file === undefined ? made : new DecodeError(error.index, error.file, made));
      }
    });
    const fail = (error: ImageError) => {
      this.#failure ??= error;
      for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
    };
    this.#worker.on('error', (error) => fail(asImageError(error, 'a worker failed')));
    this.#worker.on('exit', (code) => fail(new ImageError('internal', `a worker ended with exit code ${code}`)));
  }

  run(task: TaskMessage, target: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage({ task, target } satisfies ToDecoder, []);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
