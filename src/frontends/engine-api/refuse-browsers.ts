import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { ImageError } from '../../errors.ts';
import { isLoopback } from '../../io/is-loopback.ts';

/**
 * Refuses what a web browser sends: no client of this API says where a page came from, every browser does. Without it any page could drive the door of a
 * loopback port, by a form. Where there are no certificates, a request must also name this machine's loopback: to a name that somebody has made resolve
 * to it a browser says nothing of itself, and lets that somebody's page read the answers.
 * @throws ImageError `denied`
 */
export function refuseBrowsers({ headers, socket }: IncomingMessage): void {
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined)
    throw new ImageError('denied', 'a web page may not use the Docker Engine API');
  const { host = '' } = headers;
  // A socket or a pipe has no address.
  const isPlainTcp = socket.remoteAddress !== undefined && (socket as Partial<TLSSocket>).encrypted !== true;
  if (isPlainTcp && !isLoopback(host.replace(/:\d+$/, '')))
    throw new ImageError('denied', `${JSON.stringify(host.slice(0, 100))} is no name of this machine's loopback`);
}
