/** Where layers are unpacked and large archives put into containers: one job at a time, with synchronous calls, beside a thread that serves others. */
import { parentPort } from 'node:worker_threads';
import { sentError } from '../io/sent-error.ts';
import { applyTar } from './apply-tar.ts';
import type { ToWorker, WorkerJobs, FromWorker } from './tree-workers.ts';
import { unpackLayer } from './unpack-layer.ts';

const port = parentPort!;
const say = (message: FromWorker) => port.postMessage(message);
let job = new AbortController();

const work: { [Kind in keyof WorkerJobs]: (input: WorkerJobs[Kind]['input'], signal: AbortSignal) => Promise<WorkerJobs[Kind]['output']> } =
  {
    unpack: async (layer, signal) => await unpackLayer(layer, signal, (bytes) => say({ progress: bytes })),
    apply: async (act, signal) => await applyTar(act, signal),
  };

async function run<Kind extends keyof WorkerJobs>(kind: Kind, input: WorkerJobs[Kind]['input']): Promise<void> {
  job = new AbortController();
  try {
    say({ output: await work[kind](input, job.signal) });
  } catch (error) {
    say({ error: sentError(error, 'a worker failed') });
  }
}

port.on('message', (message: ToWorker) => {
  if ('abort' in message) job.abort();
  else void run(message.kind, message.input);
});
