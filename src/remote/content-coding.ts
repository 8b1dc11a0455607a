import { pipeline } from 'node:stream';
import type { WireResponse } from './transport.ts';

/** True where what an answer says of its length is of packed bytes. */
export function isPacked({ headers }: Pick<WireResponse, 'headers'>): boolean {
  return /^\s*(?:x-)?gzip\s*$/i.test(headers['content-encoding'] ?? '');
}

/**
 * An answer's content as it was before it was packed for the way. It is asked for unpacked, and some servers and proxies send gzip nevertheless; every other client
 * takes that off. What has the `size` that is meant is only called packed: a layer is gzip itself, and some servers say so.
 */
export async function unpacked(response: WireResponse, size?: number): Promise<WireResponse> {
  const { 'content-encoding': _coding, 'content-length': length, ...headers } = response.headers;
  if (!isPacked(response) || response.status !== 200 || (size !== undefined && Number(length) === size)) return response;
  const { createGunzip } = await import('node:zlib');
  const body = createGunzip();
  pipeline(response.body, body, () => {
    // What goes wrong on either side ends `body`, and its reader hears of it.
  });
  return { ...response, headers, body };
}
