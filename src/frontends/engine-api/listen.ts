import { createServer, type Server } from 'node:http';
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { asImageError, ImageError } from '../../errors.ts';
import { closeServer } from '../../io/close-server.ts';
import { makeFolderPath } from '../../io/make-folder-path.ts';
import type { EngineDoor } from './door.ts';

export interface EngineListening {
  readonly server: Server;
  /** As docker's `--host` takes it: `unix:///run/user/1000/bayplan/docker.sock`, `npipe:////./pipe/bayplan`, `tcp://127.0.0.1:2376`. */
  readonly address: string;
  /** Takes no more requests, lets the running ones end for a while, then breaks what is left. */
  close(): Promise<void>;
}

/** PEM texts, for mutual TLS: the server's own, and the authority whose clients may connect. */
export interface ServerCertificates {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
}

const settings = {
  // A load may take hours, and `docker events` says nothing for days.
  requestTimeout: 0,
  headersTimeout: 20_000,
  keepAliveTimeout: 75_000,
  maxHeaderSize: 64 * 1024,
  noDelay: true,
};

/** Of Node 24.9; older ones take every request for an upgrade that offers one. */
function askingFirst({ wantsUpgrade }: EngineDoor): object {
  return { shouldUpgradeCallback: wantsUpgrade };
}

const defaultGrace = 10_000;

/** True for the name of a Windows pipe. */
function isPipe(path: string): boolean {
  return /^[\\/]{2}[.?][\\/]pipe[\\/]/i.test(path);
}

/**
 * Serves a door on a unix socket with mode 0660, or on a Windows pipe. What a server that has died left there is replaced; one that lives is not.
 * @throws ImageError `conflict`, `permission`, `invalid-argument`
 */
export async function listenOnSocket(door: EngineDoor, path: string, options: { readonly grace?: number } = {}): Promise<EngineListening> {
  const pipe = isPipe(path);
  if (process.platform === 'win32' && !pipe)
    throw new ImageError('invalid-argument', `${path} is not the name of a pipe`, { hint: String.raw`Write \\.\pipe\NAME.` });
  if (!pipe) await makeRoom(path);
  // Windows says so itself, not every one that stands in for it.
  else if (await answers(path)) throw inUse(`cannot listen on ${path}`);
  const server = createServer({ ...settings, ...askingFirst(door) }, door.request);
  const end = withUpgrade(server, door);
  await listening(server, (done) => (pipe ? server.listen(path, done) : listenMasked(server, path, done)), `cannot listen on ${path}`);
  if (!pipe) chmodSync(path, 0o660);
  return {
    server,
    address: pipe ? `npipe://${path.replaceAll('\\', '/')}` : `unix://${path}`,
    close: () => end(options.grace ?? defaultGrace),
  };
}

/** The socket is made before `listen` returns: between that and its change of mode nobody else may connect. */
function listenMasked(server: Server, path: string, done: () => void): void {
  const mask = process.umask(0o117);
  try {
    server.listen(path, done);
  } finally {
    process.umask(mask);
  }
}

/** Serves a door over TCP; with certificates over TLS, to clients that have one of theirs. Whether a host may be reached without is for the caller to decide. */
export async function listenOnAddress(
  door: EngineDoor,
  options: { readonly host: string; readonly port: number; readonly tls?: ServerCertificates | undefined; readonly grace?: number },
): Promise<EngineListening> {
  const { host, port, tls } = options;
  const server = tls ? await secureServer(tls, door) : createServer({ ...settings, ...askingFirst(door) }, door.request);
  const end = withUpgrade(server, door);
  await listening(server, (done) => server.listen({ host, port }, done), `cannot listen on ${host} port ${port}`);
  const { address, family, port: actual } = server.address() as AddressInfo;
  return {
    server,
    address: `tcp://${family === 'IPv6' ? `[${address}]` : address}:${actual}`,
    close: () => end(options.grace ?? defaultGrace),
  };
}

/** @returns what closes the server: it knows nothing more of connections that have asked for another protocol */
function withUpgrade(server: Server, { upgrade, end: endStreams }: EngineDoor): (grace: number) => Promise<void> {
  const upgraded = new Set<Duplex>();
  server.on('upgrade', (request, socket, head) => {
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
    upgrade(request, socket, head);
  });
  return async (grace) => {
    endStreams();
    const end = setTimeout(() => upgraded.forEach((socket) => socket.destroy()), Math.min(grace, 1000));
    await closeServer(server, grace);
    clearTimeout(end);
  };
}

async function secureServer({ cert, key, ca }: ServerCertificates, door: EngineDoor): Promise<Server> {
  const { createServer: createSecure } = await import('node:https');
  try {
    // docker's own: only a client with a certificate of that authority gets as far as a request.
    return createSecure(
      { ...settings, ...askingFirst(door), cert, key, ca, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' },
      door.request,
    );
  } catch (error) {
    throw new ImageError('invalid-argument', `the certificate, its key or the authority cannot be used: ${(error as Error).message}`, {
      hint: 'They are PEM files, and the key is that of the certificate.',
      cause: error,
    });
  }
}

async function listening(server: Server, start: (done: () => void) => void, what: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => reject(refused(error, what));
    server.once('error', fail);
    start(() => {
      server.off('error', fail);
      resolve();
    });
  });
}

function refused(error: NodeJS.ErrnoException, what: string): ImageError {
  if (error.code === 'EADDRINUSE') return inUse(what, error);
  if (error.code === 'EADDRNOTAVAIL')
    return new ImageError('invalid-argument', `${what}: it is not an address of this machine`, { cause: error });
  // What Linux and macOS say of a path over 107 or 103 bytes.
  if (error.code === 'EINVAL')
    return new ImageError('invalid-argument', `${what}: the path is too long for a socket`, {
      hint: 'Choose a shorter one with --docker-socket, or none.',
      cause: error,
    });
  return asImageError(error, what);
}

function inUse(what: string, cause?: unknown): ImageError {
  return new ImageError('conflict', `${what}: another server listens there`, {
    hint: 'End that one, or choose another place with --docker-socket or --docker-listen.',
    cause,
  });
}

/** Makes the folder, and takes away a socket that nobody listens on any more. Anything else that has the name stays. */
async function makeRoom(path: string): Promise<void> {
  const what = `cannot listen on ${path}`;
  try {
    makeFolderPath(dirname(path), 0o700);
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (!there) return;
    if (!there.isSocket()) throw new ImageError('conflict', `${what}: there is something that is no socket`);
    if (await answers(path)) throw inUse(what);
    rmSync(path, { force: true });
  } catch (error) {
    throw asImageError(error, what);
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}
