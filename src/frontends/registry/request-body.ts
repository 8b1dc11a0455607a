import type { IncomingMessage } from 'node:http';
import { ImageError, isImageError } from '../../errors.ts';

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
 * A request's bytes as they come. The connection is left open when whoever reads stops early, so that an error can still be answered.
 * @throws ImageError `too-large`; `unavailable` where the client breaks off or falls silent
 */
export async function* requestBody(
  request: IncomingMessage,
  { limit, what, idle, total }: BodyOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const declared = Number(request.headers['content-length']);
  if (declared > limit) throw tooLarge(what, limit);
  let size = 0;
  let waiting = true;
  const silent = () => request.destroy(new ImageError('unavailable', `the client sent nothing for ${Math.round(idle / 1000)} seconds`));
  const timer = setTimeout(() => (waiting ? silent() : timer.refresh()), idle);
  const late = () => request.destroy(new ImageError('unavailable', `the client took more than ${Math.round((total ?? 0) / 1000)} seconds`));
  const end = total === undefined ? undefined : setTimeout(late, total);
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw tooLarge(what, limit);
      waiting = false;
      yield chunk;
      waiting = true;
      timer.refresh();
    }
  } catch (error) {
    throw isImageError(error) ? error : new ImageError('unavailable', 'the client broke off', { cause: error });
  } finally {
    clearTimeout(timer);
    clearTimeout(end);
  }
}

function tooLarge(what: string, limit: number): ImageError {
  return new ImageError('too-large', `${what} is larger than ${limit} bytes`);
}
