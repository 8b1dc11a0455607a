/**
 * The Docker Engine API over a store of a test's own, on a socket, and a client that says exactly what it is told to: every header and byte of a request,
 * every header and byte of the answer.
 */
import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { Containers } from '../../src/containers/containers.ts';
import { engineDoor, listenOnSocket, type EngineHost } from '../../src/frontends/engine-api/door.ts';
import { listen, registryDoor, type RequestRecord } from '../../src/frontends/registry/door.ts';
import { openRegistries } from '../../src/remote/registries.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { makeImage, putImage, type MadeImage, type MakeImageOptions } from '../support/make-image.ts';
import { temporary } from '../support/temporary.ts';

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  json(): never;
  /** Of a stream of progress. */
  lines(): readonly Readonly<Record<string, unknown>>[];
}

export interface Sent {
  readonly headers?: OutgoingHttpHeaders;
  /** Sent with Content-Length; several, one by one, with chunked transfer. */
  readonly body?: string | Uint8Array | readonly Uint8Array[];
  /** Sent as JSON. */
  readonly json?: unknown;
}

export interface Engine {
  readonly store: ImageStore;
  readonly folder: string;
  readonly socket: string;
  /** As docker's `--host` and `DOCKER_HOST` take it. */
  readonly host: string;
  /** What the door calls its own faults. A test that has one fails. */
  readonly faults: readonly unknown[];
  send(method: string, path: string, sent?: Sent): Promise<Answered>;
  /** Puts a small image into the store, under these names. */
  put(names: readonly string[], options?: MakeImageOptions): Promise<MadeImage>;
  close(): Promise<void>;
}

export async function startEngine(
  t: Pick<TestContext, 'after'>,
  options: Partial<EngineHost> & { folder?: string; readOnly?: boolean } = {},
): Promise<Engine> {
  let stopping: Promise<void> | undefined;
  let end = async (): Promise<void> => {};
  const stop = (): Promise<void> => (stopping ??= end());
  // Hooks run in the order of their making: the store is closed before its folder goes.
  t.after(stop);
  const { folder = temporary(t, 'engine'), readOnly = false, ...rest } = options;
  const store = await ImageStore.open(join(folder, 'store'), { actor: 'test' });
  const faults: unknown[] = [];
  // No settings of whoever runs the tests: registries are reached as on a fresh machine.
  const env = { HOME: folder, PATH: process.env['PATH'] };
  const host: EngineHost = {
    store,
    containers: new Containers(store),
    now: () => new Date(),
    openRegistries: async (given) => openRegistries({ env, ...given, retry: { tries: 1 } }),
    ...rest,
  };
  const socket = join(folder, 'docker.sock');
  const { address, close } = await listenOnSocket(engineDoor(host, { readOnly, onFault: (error) => faults.push(error) }), socket, {
    grace: 500,
  });
  end = async () => {
    await close();
    await store.close();
    assert.deepEqual(faults, []);
  };
  return {
    store,
    folder,
    socket,
    host: address,
    faults,
    send: (method, path, sent) => send(socket, method, path, sent),
    async put(names, made) {
      const image = await makeImage(made);
      await using ingest = await store.begin();
      await putImage(ingest, image);
      for (const name of names) await ingest.tag(image.target, name);
      if (names.length === 0) await ingest.keep(image.target);
      return image;
    },
    close: stop,
  };
}

export function send(socketPath: string, method: string, path: string, { headers = {}, body, json }: Sent = {}): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const whole =
      json === undefined
        ? Array.isArray(body) || body === undefined
          ? undefined
          : Buffer.from(body as string)
        : Buffer.from(JSON.stringify(json));
    const type = json === undefined ? {} : { 'Content-Type': 'application/json' };
    const length = whole ? { 'Content-Length': whole.length } : method === 'POST' && !Array.isArray(body) ? { 'Content-Length': 0 } : {};
    const request = httpRequest(
      { socketPath, agent: false, method, path, headers: { Host: 'docker', ...length, ...type, ...headers } },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(parts);
          const text = bytes.toString();
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: bytes,
            text,
            json: () => JSON.parse(text) as never,
            lines: () =>
              text
                .split('\r\n')
                .filter((line) => line !== '')
                .map((line) => JSON.parse(line) as Record<string, unknown>),
          });
        });
      },
    );
    request.on('error', reject);
    if (Array.isArray(body)) for (const part of body as readonly Uint8Array[]) request.write(part);
    request.end(whole);
  });
}

/** A registry of our own, empty, on a free port: what the engine pulls from and pushes to. @returns `127.0.0.1:PORT`, its store, and what it is asked */
export async function startRegistry(
  t: Pick<TestContext, 'after'>,
): Promise<{ readonly host: string; readonly store: ImageStore; readonly log: readonly RequestRecord[] }> {
  let end = async (): Promise<void> => {};
  t.after(() => end());
  const store = await ImageStore.open(join(temporary(t, 'registry'), 'store'), { actor: 'test' });
  const log: RequestRecord[] = [];
  const { address, close } = await listen(registryDoor(store, { log: (record) => void log.push(record) }), { grace: 500 });
  end = async () => {
    await close();
    await store.close();
  };
  return { host: new URL(address).host, store, log };
}
