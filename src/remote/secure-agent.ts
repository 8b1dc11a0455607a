import { Agent, type RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { guard, limitConnect, tunnel, wayName } from './connections.ts';

type OnSocket = (error: Error | null, socket?: Duplex) => void;

/** Connections over TLS, direct or through a proxy. In a file of its own, as it loads all of TLS. */
export class SecureAgent extends Agent {
  override getName(options: RequestOptions = {}): string {
    return super.getName(options) + wayName(options);
  }

  override createConnection(options: RequestOptions, onSocket: OnSocket): Duplex | undefined {
    const { way } = options;
    const tls = {
      ...options,
      ...guard(way),
      ALPNProtocols: ['http/1.1'],
      ...(way?.tls?.context ? { secureContext: way.tls.context } : {}),
      rejectUnauthorized: way?.tls?.verify !== false,
    };
    const direct = (more: object) => super.createConnection({ ...tls, ...more }, onSocket) as Socket;
    if (way?.proxy === undefined) return limitConnect(direct({}), 'secureConnect', way);
    tunnel(way.proxy, `${options.host}:${options.port}`, way.connectTimeout).then(
      (socket) => onSocket(null, limitConnect(direct({ socket }), 'secureConnect', way)),
      (error: Error) => onSocket(error),
    );
    return undefined;
  }
}
