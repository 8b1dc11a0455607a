import type { IncomingMessage } from 'node:http';
import { ImageError } from '../../errors.ts';

/**
 * Refuses what a web browser sends: no client of this API says where a page came from, every browser does. Without it any page could drive the
 * door of a loopback port, by a form or by a name that resolves to this machine.
 * @throws ImageError `denied`
 */
export function refuseBrowsers({ headers }: IncomingMessage): void {
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined)
    throw new ImageError('denied', 'a web page may not use the Docker Engine API');
}
