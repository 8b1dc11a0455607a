import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asImageError, ImageError } from '../../errors.ts';
import { closeServer } from '../../io/close-server.ts';
import { defaultLimits } from './limits.ts';

export interface ListenOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** Milliseconds that running requests have when the server closes. Default 10 seconds. */
  readonly grace?: number;
  /** Milliseconds for the headers of a request. */
  readonly headers?: number;
}

export interface Listening {
  readonly server: Server;
  /** `http://127.0.0.1:5000`. */
  readonly address: string;
  /** Takes no more requests, lets the running ones end for a while, then breaks what is left. What was being uploaded can be gone on with later. */
  close(): Promise<void>;
}

/**
 * Serves a door over plain HTTP. Whether `host` may be reached from elsewhere is for the caller to decide: see `isLoopback`.
 * @throws ImageError `conflict`, `permission`, `invalid-argument` where the address cannot be had
 */
export async function listen(door: RequestListener, options: ListenOptions = {}): Promise<Listening> {
  const { host = '127.0.0.1', port = 0, grace = 10_000, headers = defaultLimits.headers } = options;
  const server = createServer(
    {
      // A layer may take hours: the time that counts is how long the client is silent, and the door watches that.
      requestTimeout: 0,
      headersTimeout: headers,
      connectionsCheckingInterval: Math.min(5000, headers),
      // Longer than the idle time of the usual proxies, so that it is they who close.
      keepAliveTimeout: 75_000,
      maxHeaderSize: 32 * 1024,
      noDelay: true,
    },
    door,
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(refused(error, host, port)));
    server.listen({ host, port }, resolve);
  });
  const { address, family, port: actual } = server.address() as AddressInfo;
  return { server, address: `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`, close: () => closeServer(server, grace) };
}

function refused(error: NodeJS.ErrnoException, host: string, port: number): ImageError {
  const what = `cannot listen on ${host} port ${port}`;
  if (error.code === 'EADDRINUSE')
    return new ImageError('conflict', `${what}: something else listens there`, {
      hint: 'Choose another port, or 0 for any free one.',
      cause: error,
    });
  if (error.code === 'EADDRNOTAVAIL')
    return new ImageError('invalid-argument', `${what}: it is not an address of this machine`, { cause: error });
  return asImageError(error, what);
}
