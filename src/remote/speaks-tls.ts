import { connect, type Socket } from 'node:net';
import { wireError } from './http-transport.ts';

/**
 * Whether a host begins a TLS handshake when it is asked to. Where no port was named and nobody listens on TLS's, plain http's is tried, as docker does.
 * Nothing that is anybody's is sent: whether the certificate is good is asked when something is.
 * @throws ImageError `unavailable` where the host cannot be reached at all: nothing has been learnt then
 */
export async function speaksTls(base: URL, timeout: number): Promise<boolean> {
  const place = { host: base.hostname.replace(/^\[|\]$/g, ''), port: Number(base.port || 443), timeout };
  const first = await reached<number>(
    base,
    (answer) => {
      const socket = connect(place, () => socket.write(brokenHello));
      return socket.once('data', (bytes) => answer(bytes[0]));
    },
    () => undefined,
  );
  if (typeof first === 'boolean') return first;
  if (first !== undefined) return first === contentType.alert || first === contentType.handshake;
  // A broken handshake got no answer; a good one may.
  const { connect: connectTls } = await import('node:tls');
  const shaken = await reached<boolean>(
    base,
    (answer) => {
      const socket = connectTls({ ...place, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
      return socket.once('secureConnect', () => answer(true));
    },
    (error) => /alert/i.test(`${error.code} ${error.message}`),
  );
  return shaken === true;
}

/** RFC 8446 §5.1. */
const contentType = { alert: 21, handshake: 22 } as const;

/**
 * A record with a ClientHello of no bytes: TLS answers it with an alert. The empty lines are for http, which answers a request that makes no sense once it has the whole of it.
 * Much quicker than a real handshake, as TLS need not be loaded for it.
 */
const brokenHello = Buffer.from('1603010004010000000d0a0d0a', 'hex');

/** What is learnt from one connection, which is closed then: `answer`'s value, what an error means, undefined where it ends or stays silent. False where nobody listens and no port was named. */
function reached<T>(
  base: URL,
  open: (answer: (value: T | undefined) => void) => Socket,
  meant: (error: NodeJS.ErrnoException) => T | undefined,
): Promise<T | false | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (value: T | false | undefined) => {
      resolve(value);
      socket.destroy();
    };
    const socket = open(settle);
    socket.once('close', () => resolve(undefined));
    socket.once('timeout', () => settle(undefined));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const gone = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(error.code ?? '');
      if (gone && base.port !== '') reject(wireError(error, base));
      else settle(gone ? false : meant(error));
    });
  });
}
