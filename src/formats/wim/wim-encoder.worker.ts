/** Hashes and packs contents of a new WIM, one job after another. */
import { parentPort } from 'node:worker_threads';
import { sentError } from '../../io/sent-error.ts';
import { ContentEncoder } from './encode-contents.ts';
import type { FromEncoder, ToEncoder } from './encoding-workers.ts';

const port = parentPort!;
const encoder = new ContentEncoder();

port.on('message', (job: ToEncoder) => {
  try {
    if ('contents' in job) {
      port.postMessage({ hashed: encoder.hash(job) } satisfies FromEncoder, []);
      return;
    }
    const packed = encoder.pack(job);
    port.postMessage({ packed } satisfies FromEncoder, [packed.into]);
  } catch (error) {
    port.postMessage({ error: sentError(error, 'a worker failed') } satisfies FromEncoder, []);
  }
});
