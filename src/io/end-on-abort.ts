import type { Readable } from 'node:stream';
import { canceled } from './concurrently.ts';

/** Ties a stream to a signal: when it aborts, the stream fails with ImageError `canceled`. Throws that at once where it has aborted already. */
export function endOnAbort<T extends Readable>(stream: T, signal: AbortSignal | undefined): T {
  if (!signal) return stream;
  if (signal.aborted) {
    stream.destroy();
    throw canceled(signal.reason);
  }
  const abort = () => stream.destroy(canceled(signal.reason));
  signal.addEventListener('abort', abort, { once: true });
  stream.once('close', () => signal.removeEventListener('abort', abort));
  return stream;
}
