import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { asImageError, ImageError } from '../../errors.ts';
import { canceled } from '../../io/concurrently.ts';
import { receivedError, type SentError } from '../../io/sent-error.ts';
import {
  type Content,
  ContentEncoder,
  contentSize,
  type Hashed,
  type HashJob,
  type Packed,
  type PackJob,
  pieceSize,
} from './encode-contents.ts';
import type { NewWimContent } from './new-wim.ts';

export type ToEncoder = HashJob | PackJob;

export type FromEncoder = { readonly hashed: Hashed } | { readonly packed: Packed } | { readonly error: SentError };

/** So much is done in this thread before workers are begun: these take longer to begin than that. Bytes, of hashing and packing together. */
const fewBytes = 4 << 20;

interface Waiting {
  readonly job: ToEncoder;
  readonly resolve: (answer: Exclude<FromEncoder, { error: unknown }>) => void;
  readonly reject: (error: unknown) => void;
}

/** Does jobs in worker threads, as many at once as there are processors, four at most; the first few in this one. */
export class EncodingWorkers implements AsyncDisposable {
  /** How many jobs keep all of them busy. */
  readonly width: number = Math.max(1, Math.min(4, availableParallelism()));
  readonly #signal: AbortSignal | undefined;
  readonly #workers: Worker[] = [];
  readonly #free: Worker[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #running = new Map<Worker, Waiting>();
  readonly #memory: ArrayBuffer[] = [];
  #here: ContentEncoder | undefined;
  #done = 0;
  #failure: ImageError | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted) this.#onAbort();
  }

  async hash(job: HashJob): Promise<Hashed> {
    const answer = await this.#run(job, job.contents.reduce((sum, content) => sum + contentSize(content), 0) >> 4);
    return (answer as Extract<FromEncoder, { hashed: unknown }>).hashed;
  }

  /** The answer's memory is its reader's, until he gives it back with `release`. */
  async pack(work: Omit<PackJob, 'into'>): Promise<Packed> {
    const job = { ...work, into: this.#memory.pop() ?? new ArrayBuffer(pieceSize) };
    const answer = await this.#run(
      job,
      job.pieces.reduce((sum, { length }) => sum + length, 0),
    );
    return (answer as Extract<FromEncoder, { packed: unknown }>).packed;
  }

  /** Memory that is used again and again: what is thrown away is there for long. */
  release({ into }: Packed): void {
    this.#memory.push(into);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#fail(canceled());
    this.#here?.[Symbol.dispose]();
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  async #run(job: ToEncoder, cost: number): Promise<Exclude<FromEncoder, { error: unknown }>> {
    this.#refuseEnded();
    this.#done += cost;
    if (this.#done <= fewBytes) {
      await setImmediate();
      this.#refuseEnded();
      this.#here ??= new ContentEncoder();
      return 'contents' in job ? { hashed: this.#here.hash(job) } : { packed: this.#here.pack(job) };
    }
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ job, resolve, reject });
      this.#next();
    });
  }

  #refuseEnded(): void {
    if (this.#failure) throw this.#failure;
  }

  #next(): void {
    while (this.#waiting.length > 0) {
      const worker = this.#free.pop() ?? (this.#workers.length < this.width ? this.#started() : undefined);
      if (!worker) return;
      const waiting = this.#waiting.shift()!;
      this.#running.set(worker, waiting);
      const { job } = waiting;
      worker.postMessage(detached(job) satisfies ToEncoder, 'into' in job ? [job.into] : []);
    }
  }

  #started(): Worker {
    const worker = new Worker(new URL('./wim-encoder.worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 4 },
    });
    worker.on('message', (answer: FromEncoder) => {
      const waiting = this.#running.get(worker);
      this.#running.delete(worker);
      this.#free.push(worker);
      if ('error' in answer) waiting?.reject(receivedError(answer.error));
      else waiting?.resolve(answer);
      this.#next();
    });
    worker.on('error', (error) => this.#fail(asImageError(error, 'a worker failed')));
    worker.on('exit', (code) => this.#fail(new ImageError('internal', `a worker ended with exit code ${code}`)));
    this.#workers.push(worker);
    return worker;
  }

  readonly #onAbort = (): void => this.#fail(canceled(this.#signal?.reason));

  #fail(error: ImageError): void {
    this.#failure ??= error;
    for (const { reject } of [...this.#waiting.splice(0), ...this.#running.values()]) reject(this.#failure);
    this.#running.clear();
  }
}

/** The job with no more memory than it needs: of a view all that it is a view of would be copied. */
function detached(job: ToEncoder): ToEncoder {
  if ('contents' in job) return { contents: job.contents.map((content) => copied(content)) };
  const pieces = job.pieces.map((piece) => {
    return { ...piece, content: copied(piece.content) };
  });
  return { ...job, pieces };
}

function copied(content: Content): Content {
  if ('file' in content) return content;
  if ('bytes' in content) return { bytes: Uint8Array.from(content.bytes) };
  return { parts: content.parts.map((part) => copied(part) as NewWimContent) };
}
