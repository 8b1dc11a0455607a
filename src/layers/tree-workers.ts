import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import { canceled, Slots } from '../io/concurrently.ts';
import { receivedError, type SentError } from '../io/sent-error.ts';
import type { TarToApply } from './apply-tar.ts';
import type { LayerToUnpack, UnpackedLayer } from './unpack-layer.ts';

/** What workers do. */
export interface WorkerJobs {
  readonly unpack: { readonly input: LayerToUnpack; readonly output: UnpackedLayer };
  readonly apply: { readonly input: TarToApply; readonly output: void };
}

type Job = { readonly [Kind in keyof WorkerJobs]: { readonly kind: Kind; readonly input: WorkerJobs[Kind]['input'] } }[keyof WorkerJobs];
export type ToWorker = Job | { readonly abort: true };
export type FromWorker =
  | { readonly progress: number }
  | { readonly output: WorkerJobs[keyof WorkerJobs]['output'] }
  | { readonly error: SentError };

/** A worker that has nothing to do ends after so many milliseconds. It keeps no process alive before. */
const idle = 5000;
/** Of a worker's JavaScript, in MiB: what an archive makes us remember has bounds of its own, and this one holds where they fail. */
const memory = 256;

const slots = new Slots(Math.max(1, Math.min(4, availableParallelism())));
const waiting: { readonly worker: Worker; readonly end: NodeJS.Timeout }[] = [];

/** Does a job in a worker; as many at once as there are processors, four at most. @throws ImageError the job's own, `canceled`, `too-large` where it needs too much memory */
export async function inWorker<Kind extends keyof WorkerJobs>(
  kind: Kind,
  input: WorkerJobs[Kind]['input'],
  options: { readonly signal?: AbortSignal | undefined; readonly onProgress?: ((bytes: number) => void) | undefined } = {},
): Promise<WorkerJobs[Kind]['output']> {
  return await slots.run(async () => {
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    return await runJob({ kind, input } as Job, options);
  });
}

async function runJob(
  job: Job,
  { signal, onProgress }: { readonly signal?: AbortSignal | undefined; readonly onProgress?: ((bytes: number) => void) | undefined },
): Promise<WorkerJobs[keyof WorkerJobs]['output']> {
  const worker = take();
  const abort = () => worker.postMessage({ abort: true } satisfies ToWorker, []);
  let isUsable = false;
  try {
    const output = await new Promise<WorkerJobs[keyof WorkerJobs]['output']>((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if ('progress' in message) return onProgress?.(message.progress);
        isUsable = true;
        if ('output' in message) resolve(message.output);
        else reject(receivedError(message.error));
      });
      worker.on('error', (error) => reject(asWorkerError(error)));
      worker.on('exit', (code) => reject(new ImageError('internal', `a worker ended with exit code ${code}`)));
      signal?.addEventListener('abort', abort, { once: true });
      worker.postMessage(job satisfies ToWorker, []);
    });
    return output;
  } finally {
    signal?.removeEventListener('abort', abort);
    forget(worker);
    if (isUsable) lay(worker);
    else await worker.terminate();
  }
}

function take(): Worker {
  const found = waiting.pop();
  if (found) {
    clearTimeout(found.end);
    forget(found.worker);
    found.worker.ref();
    return found.worker;
  }
  return new Worker(new URL('./layer-tree.worker.ts', import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: memory } });
}

/** Takes our listeners off. Not all: Node has some of its own on it, without which no more messages come. */
function forget(worker: Worker): void {
  for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
}

function lay(worker: Worker): void {
  const leave = () => {
    const place = waiting.findIndex((other) => other.worker === worker);
    if (place !== -1) waiting.splice(place, 1);
    void worker.terminate();
  };
  worker.unref();
  worker.on('error', leave);
  waiting.push({ worker, end: setTimeout(leave, idle).unref() });
}

function asWorkerError(error: unknown): ImageError {
  if (isSystemError(error, 'ERR_WORKER_OUT_OF_MEMORY')) {
    return new ImageError('too-large', `an archive needs more than ${memory} MiB of memory to be understood`, { cause: error });
  }
  return asImageError(error, 'a worker failed');
}
