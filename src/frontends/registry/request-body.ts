import type { IncomingMessage } from 'node:http';
import { ImageError, isImageError } from '../../errors.ts';
import type { Lender } from '../../io/lent.ts';

export interface BodyOptions {
  /** Bytes; one more is an error, before they are passed on. */
  readonly limit: number;
  /** What the limit is on, for the sentence. */
  readonly what: string;
  /** Milliseconds without a byte from the client, while one is waited for. */
  readonly idle: number;
  /** Milliseconds for the whole. Default: none, as a layer may take hours. */
  readonly total?: number;
}

/**
 * A request's bytes as they come, given or lent. The connection is left open when whoever reads stops early, so that an error can still be answered.
 * @throws ImageError `too-large`; `canceled` where the client breaks off or falls silent: nobody is left to be answered, and asking again is no use
 */
export function requestBody(request: IncomingMessage, options: BodyOptions): AsyncIterable<Uint8Array> & Lender {
  return { [Symbol.asyncIterator]: () => chunksOf(request, options, false), lent: () => chunksOf(request, options, true) };
}

/**
 * The memory of what is lent goes back to the system as soon as the next chunk is asked for. The parser makes a new buffer for each: left to the collector, which knows only that
 * they are small, those of a layer would be gone after many megabytes, each in memory that must be cleared first. That is a third of what an upload costs.
 */
async function* chunksOf(
  request: IncomingMessage,
  { limit, what, idle, total }: BodyOptions,
  lends: boolean,
): AsyncGenerator<Uint8Array, void, undefined> {
  declaredLength(request, limit, what);
  let size = 0;
  let waiting = true;
  const silent = () => request.destroy(new ImageError('canceled', `the client sent nothing for ${Math.round(idle / 1000)} seconds`));
  const timer = setTimeout(() => (waiting ? silent() : timer.refresh()), idle);
  const late = () => request.destroy(new ImageError('canceled', `the client took more than ${Math.round((total ?? 0) / 1000)} seconds`));
  const end = total === undefined ? undefined : setTimeout(late, total);
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw tooLarge(what, limit);
      waiting = false;
      yield chunk;
      // Small ones are parts of a buffer that others have parts of too.
      if (lends && chunk.buffer instanceof ArrayBuffer && chunk.buffer.byteLength === chunk.length) chunk.buffer.transfer(0);
      waiting = true;
      timer.refresh();
    }
  } catch (error) {
    throw isImageError(error) ? error : new ImageError('canceled', 'the client broke off', { cause: error });
  } finally {
    clearTimeout(timer);
    clearTimeout(end);
  }
}

/** What a request says of its body before it comes: bytes, or undefined where it comes in chunks of no known sum. @throws ImageError `too-large` */
export function declaredLength(request: IncomingMessage, limit: number, what: string): number | undefined {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (length === undefined) return encoding === undefined ? 0 : undefined;
  if (Number(length) > limit) throw tooLarge(what, limit);
  return Number(length);
}

function tooLarge(what: string, limit: number): ImageError {
  return new ImageError('too-large', `${what} is larger than ${limit} bytes`);
}
