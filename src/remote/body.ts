import type { Readable } from 'node:stream';
import { ImageError, isImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import { lent, type Lender } from '../io/lent.ts';
import { readBytes } from '../io/verified.ts';
import { unpacked } from './content-coding.ts';
import type { WireResponse } from './transport.ts';

/** Bytes that a body must bring in each idle time, so that a server which drips keeps nobody. */
const leastBytes = 1024;

/**
 * Passes a body on, lent where it lends. Where `idle` milliseconds of waiting bring less than a kilobyte, or where all waiting together takes `total`, it fails with
 * `unavailable`; time that the consumer takes does not count. A connection that breaks off fails with `unavailable` too.
 */
export async function* patient(
  body: Readable & Partial<Lender>,
  idle: number,
  what: string,
  signal?: AbortSignal,
  total = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array, void, undefined> {
  let waiting = true;
  let waited = 0;
  let waitedInAll = 0;
  let bytes = 0;
  const step = Math.min(1000, Math.max(10, idle / 4));
  const timer = setInterval(() => {
    if (!waiting) return;
    waited += step;
    waitedInAll += step;
    if (waitedInAll >= total) body.destroy(tooSlow(what, total));
    if (waited < idle) return;
    if (bytes < leastBytes) body.destroy(stalled(what, idle));
    waited = bytes = 0;
  }, step);
  timer.unref();
  const onAbort = () => body.destroy(canceled(signal?.reason));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal?.aborted) throw canceled(signal.reason);
    for await (const chunk of lent(body as AsyncIterable<Uint8Array>)) {
      waiting = false;
      bytes += chunk.length;
      if (bytes >= leastBytes) waited = bytes = 0;
      yield chunk;
      waiting = true;
    }
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw signal?.aborted ? canceled(signal.reason) : new ImageError('unavailable', `${what} broke off`, { cause: error });
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', onAbort);
    body.destroy();
  }
}

function stalled(what: string, idle: number): ImageError {
  return new ImageError('unavailable', `${what} stopped: nothing for ${Math.round(idle / 1000)} s`, { detail: { waited: idle } });
}

function tooSlow(what: string, total: number): ImageError {
  return new ImageError('unavailable', `${what} came too slowly: it was not whole after ${Math.round(total / 1000)} s`, {
    detail: { waited: total },
  });
}

/** Milliseconds of waiting for a document: it is small, and a server that drips it must not keep anybody for hours. */
export function documentPatience(idle: number): number {
  return 10 * idle;
}

/** The whole of an answer. @throws ImageError `too-large` before the rest is read, `unavailable` */
export async function readBody(response: WireResponse, limit: number, idle: number, what: string, signal?: AbortSignal): Promise<Buffer> {
  const length = Number(response.headers['content-length']);
  if (length > limit) {
    response.body.destroy();
    throw new ImageError('too-large', `${what} is larger than ${limit} bytes`);
  }
  const { body } = await unpacked(response);
  return readBytes(patient(body, idle, what, signal, documentPatience(idle)), limit, what);
}

/** The start of an answer that only explains a failure: what comes late, broken or after `limit` is left out. */
export async function readStart(response: WireResponse, limit: number, total: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of patient(response.body, total, 'the answer', undefined, total)) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= limit) break;
    }
  } catch (error) {
    // The failure itself is what will be reported; half of its explanation is better than another failure.
    if (!isImageError(error)) throw error;
  }
  return Buffer.concat(chunks).subarray(0, limit);
}

/** Leaves an answer unread: a short rest is read so that the connection can serve again, a long one is cut. */
export function discard(response: WireResponse): void {
  const { body } = response;
  body.on('error', () => {
    // Nobody is interested in this body any more; without a listener its end would end the process.
  });
  const length = Number(response.headers['content-length'] ?? 'NaN');
  if (!(length <= 65536)) {
    body.destroy();
    return;
  }
  const timer = setTimeout(() => body.destroy(), 2000).unref();
  body.once('close', () => clearTimeout(timer));
  body.resume();
}
