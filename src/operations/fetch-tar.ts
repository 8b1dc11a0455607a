import { Readable } from 'node:stream';
import { asImageError, ImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';

/** The body behind a URL, for an import. @throws ImageError `unavailable`, `invalid-argument` for what is no web address */
export async function fetchTar(url: string, { signal }: Operation = {}): Promise<AsyncIterable<Uint8Array>> {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url))
    throw new ImageError('invalid-argument', `${JSON.stringify(url.slice(0, 200))} is no http or https address`);
  try {
    const response = await fetch(url, { signal: signal ?? null });
    if (!response.ok || response.body === null)
      throw new ImageError('unavailable', `cannot read ${url}: the server answered ${response.status} ${response.statusText}`);
    return Readable.fromWeb(response.body);
  } catch (error) {
    // What fetch itself says is that it failed.
    const cause = error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
    const known = asImageError(cause, `cannot read ${url}`);
    throw known.code === 'internal' ? new ImageError('unavailable', known.message, { cause: error }) : known;
  }
}
