/**
 * The registry door over a store of its own, on port 0, and a client that says exactly what it is told to: every header and byte of a
 * request, every header and byte of the answer. Clients of the field hide what these tests are about.
 */
import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest, Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { listen, registryDoor, type RegistryDoorOptions, type RequestRecord } from '../../src/frontends/registry/door.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { temporary } from '../support/temporary.ts';

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly raw: readonly string[];
  readonly body: Buffer;
  json(): never;
}

export interface Sent {
  readonly headers?: OutgoingHttpHeaders;
  /** Sent with Content-Length; several, one by one, with chunked transfer. */
  readonly body?: string | Uint8Array | readonly Uint8Array[];
}

export interface Door {
  readonly store: ImageStore;
  readonly folder: string;
  readonly address: string;
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly log: readonly RequestRecord[];
  send(method: string, path: string, sent?: Sent): Promise<Answered>;
  close(): Promise<void>;
}

export async function startDoor(t: Pick<TestContext, 'after'>, options: RegistryDoorOptions & { folder?: string } = {}): Promise<Door> {
  let stopping: Promise<void> | undefined;
  let end = async (): Promise<void> => {};
  const stop = (): Promise<void> => (stopping ??= end());
  // Hooks run in the order of their making: the store is closed before its folder goes.
  t.after(stop);
  const { folder = join(temporary(t, 'door'), 'store'), ...rest } = options;
  const store = await ImageStore.open(folder, { actor: 'test' });
  const log: RequestRecord[] = [];
  const { address, close } = await listen(registryDoor(store, { log: (record) => void log.push(record), ...rest }), { grace: 500 });
  const agent = new Agent({ keepAlive: true });
  end = async () => {
    agent.destroy();
    await close();
    await store.close();
  };
  return {
    store,
    folder,
    address,
    host: new URL(address).host,
    log,
    send: (method, path, sent) => exchange(agent, address, method, path, sent),
    close: stop,
  };
}

export function exchange(
  agent: Agent,
  address: string,
  method: string,
  path: string,
  { headers = {}, body }: Sent = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(address);
    const whole = Array.isArray(body) ? undefined : body === undefined ? undefined : Buffer.from(body as string);
    const length = whole ? { 'Content-Length': whole.length } : {};
    const request = httpRequest({ agent, host: hostname, port, method, path, headers: { ...length, ...headers } }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(parts);
        const json = (): never => JSON.parse(bytes.toString()) as never;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, raw: response.rawHeaders, body: bytes, json });
      });
    });
    request.on('error', reject);
    if (Array.isArray(body)) for (const part of body as readonly Uint8Array[]) request.write(part);
    request.end(whole);
  });
}

export type Algorithm = 'sha256' | 'sha512';

export function digest(bytes: string | Uint8Array, algorithm: Algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

export interface Blob {
  readonly bytes: Buffer;
  readonly digest: string;
}

export function randomBlob(size = 512, algorithm: Algorithm = 'sha256'): Blob {
  return blobOf(randomBytes(size), algorithm);
}

export function blobOf(bytes: string | Uint8Array, algorithm: Algorithm = 'sha256'): Blob {
  return { bytes: Buffer.from(bytes as string), digest: digest(bytes, algorithm) };
}

export async function pushBlob(door: Door, name: string, blob: Blob): Promise<void> {
  const answer = await door.send('POST', `/v2/${name}/blobs/uploads/?digest=${blob.digest}`, { body: blob.bytes });
  if (answer.status !== 201) throw new Error(`push of a blob: ${answer.status} ${answer.body.toString()}`);
}

export const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  empty: 'application/vnd.oci.empty.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
} as const;

export interface Document extends Blob {
  readonly mediaType: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** A document as it is put: its bytes, not canonical in any way. */
export function document(json: Readonly<Record<string, unknown>>, mediaType: string, algorithm: Algorithm = 'sha256'): Document {
  return { ...blobOf(JSON.stringify(json, null, 3), algorithm), mediaType, json };
}

export function descriptor(blob: Blob, mediaType: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { mediaType, digest: blob.digest, size: blob.bytes.length, ...more };
}

export interface ImageOptions {
  readonly algorithm?: Algorithm;
  readonly layers?: number;
  readonly config?: Readonly<Record<string, unknown>>;
  /** Further keys of the manifest. */
  readonly manifest?: Readonly<Record<string, unknown>>;
}

export interface TestImage {
  readonly blobs: readonly Blob[];
  readonly manifest: Document;
}

/** An image like no other. */
export function image({ algorithm = 'sha256', layers = 2, config = {}, manifest = {} }: ImageOptions = {}): TestImage {
  const contents = Array.from({ length: layers }, () => randomBlob(300, algorithm));
  const diffIds = contents.map(() => digest(randomBytes(8)));
  const settings = blobOf(
    JSON.stringify({
      os: 'linux',
      architecture: 'amd64',
      rootfs: { type: 'layers', diff_ids: diffIds },
      salt: randomBytes(8).toString('hex'),
      ...config,
    }),
    algorithm,
  );
  const json = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptor(settings, types.config),
    layers: contents.map((layer) => descriptor(layer, types.layer)),
    ...manifest,
  };
  return { blobs: [settings, ...contents], manifest: document(json, types.manifest, algorithm) };
}

/** What refers to another manifest, as signatures and SBOMs do. */
export function artifact(
  artifactType: string,
  subject: Document | undefined,
  more: Readonly<Record<string, unknown>> = {},
  algorithm: Algorithm = 'sha256',
): TestImage {
  const empty = blobOf('{}', algorithm);
  const content = randomBlob(64, algorithm);
  const json = {
    schemaVersion: 2,
    mediaType: types.manifest,
    artifactType,
    config: descriptor(empty, types.empty),
    layers: [descriptor(content, artifactType)],
    ...(subject ? { subject: descriptor(subject, subject.mediaType) } : {}),
    ...more,
  };
  return { blobs: [empty, content], manifest: document(json, types.manifest, algorithm) };
}

export function index(
  manifests: readonly Document[],
  more: Readonly<Record<string, unknown>> = {},
  algorithm: Algorithm = 'sha256',
): Document {
  const platforms = ['amd64', 'arm64', 's390x'];
  const json = {
    schemaVersion: 2,
    mediaType: types.index,
    manifests: manifests.map((one, at) => descriptor(one, one.mediaType, { platform: { os: 'linux', architecture: platforms[at % 3] } })),
    ...more,
  };
  return document(json, types.index, algorithm);
}

export async function put(door: Door, name: string, reference: string, { bytes, mediaType }: Document): Promise<Answered> {
  return door.send('PUT', `/v2/${name}/manifests/${reference}`, { headers: { 'Content-Type': mediaType }, body: bytes });
}

/** All of an image, children first. */
export async function push(door: Door, name: string, reference: string, { blobs, manifest }: TestImage): Promise<Answered> {
  for (const blob of blobs) await pushBlob(door, name, blob);
  const answer = await put(door, name, reference, manifest);
  if (answer.status !== 201) throw new Error(`push of a manifest: ${answer.status} ${answer.body.toString()}`);
  return answer;
}
