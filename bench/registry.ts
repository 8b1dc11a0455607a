/**
 * The registry door beside docker-registry, on this machine, in one run: manifests by wrk, blobs by curl, each measure taken in turns
 * so that whatever else the machine does meets both. What counts is the ratio of the medians.
 *
 *   node bench/registry.ts
 *
 * Needs dist/ (npm run build), and docker-registry, wrk and curl on the PATH or in `$PEERS_ROOT`.
 */
import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { spawnBay } from '../test/support/bay.ts';
import { peer, skipWithout } from '../test/support/peers.ts';
import { temporary } from '../test/support/temporary.ts';

/** One row of the table. */
export interface RegistryFigure {
  readonly what: string;
  /** Ours ÷ docker-registry's, of medians. */
  readonly ratio: number;
  /** What the project holds itself to. */
  readonly target: number;
  readonly ours: number;
  readonly theirs: number;
  readonly unit: 'req/s' | 'MB/s';
}

const rounds = 7;
const blobBytes = 100 * 1024 * 1024;
const manifestType = 'application/vnd.oci.image.manifest.v1+json';

const dockerRegistry = peer('docker-registry');
const wrk = peer('wrk');
const curl = peer('curl');

/** @returns the reason where a peer is missing */
export async function registryFigures(): Promise<readonly RegistryFigure[] | string> {
  const missing = skipWithout(dockerRegistry, wrk, curl);
  if (missing !== false) return missing;
  const ends: (() => unknown)[] = [];
  const scope = { after: (end: () => unknown) => void ends.unshift(end) } as Parameters<typeof temporary>[0];
  try {
    const folder = temporary(scope, 'bench');
    const ours = await startOurs(folder, scope.after);
    const theirs = await startTheirs(folder, scope.after);
    const blob = join(folder, 'blob');
    writeFileSync(blob, randomBytes(blobBytes));
    const both = { ours, theirs };
    const digests = { ours: await fill(ours), theirs: await fill(theirs) };
    const measure = (
      what: string,
      target: number,
      unit: RegistryFigure['unit'],
      once: (address: string, digest: string) => Promise<number>,
    ) => paired(what, target, unit, (who) => once(both[who], digests[who]));
    return [
      await measure('manifest GET by tag', 5, 'req/s', (address) => requests(`${address}/v2/bench/app/manifests/latest`)),
      await measure('blob GET, 100 MiB', 0.9, 'MB/s', async (address, digest) =>
        transfer(['-o', '/dev/null', `${address}/v2/bench/app/blobs/${digest}`], 'download'),
      ),
      await measure('blob PUT, 100 MiB', 0.9, 'MB/s', (address) => pushFile(address, blob)),
    ];
  } finally {
    for (const end of ends) await end();
  }
}

async function paired(
  what: string,
  target: number,
  unit: RegistryFigure['unit'],
  once: (who: 'ours' | 'theirs') => Promise<number>,
): Promise<RegistryFigure> {
  const samples = { ours: [] as number[], theirs: [] as number[] };
  for (let round = 0; round < rounds; round++) for (const who of ['ours', 'theirs'] as const) samples[who].push(await once(who));
  const [ours, theirs] = [median(samples.ours), median(samples.theirs)];
  return { what, ratio: ours / theirs, target, ours, theirs, unit };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function requests(url: string): Promise<number> {
  const { stdout } = await wrk.run(['-t1', '-c16', '-d2s', '-H', `Accept: ${manifestType}`, url]);
  if (/Non-2xx/.test(stdout)) throw new Error(`not all answers were right: ${stdout}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
}

async function transfer(args: readonly string[], direction: 'download' | 'upload'): Promise<number> {
  const { stdout } = await curl.run(['-sS', '--fail', '-w', `%{speed_${direction}}`, ...args]);
  return Number(stdout.slice(stdout.lastIndexOf('\n') + 1)) / 1e6;
}

let pushes = 0;

/** Into a repository that has not got it, as a first push is. */
async function pushFile(address: string, file: string): Promise<number> {
  const begun = await say('POST', `${address}/v2/put/app${++pushes}/blobs/uploads/`);
  const at = new URL(begun.location, address);
  at.searchParams.set('digest', digestOf(file));
  return transfer(['-X', 'PUT', '-H', 'Content-Type: application/octet-stream', '-T', file, at.href], 'upload');
}

const digests = new Map<string, string>();

function digestOf(file: string): string {
  const known = digests.get(file);
  if (known !== undefined) return known;
  const made = `sha256:${createHash('sha256').update(readFileSync(file)).digest('hex')}`;
  digests.set(file, made);
  return made;
}

/** An image with one large layer. @returns the layer's digest */
async function fill(address: string): Promise<string> {
  const push = async (bytes: Buffer): Promise<{ digest: string; size: number }> => {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const begun = await say('POST', `${address}/v2/bench/app/blobs/uploads/`);
    const at = new URL(begun.location, address);
    at.searchParams.set('digest', digest);
    await say('PUT', at.href, bytes, 'application/octet-stream');
    return { digest, size: bytes.length };
  };
  const config = await push(Buffer.from('{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}'));
  const layer = await push(randomBytes(blobBytes));
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }],
  };
  await say('PUT', `${address}/v2/bench/app/manifests/latest`, Buffer.from(JSON.stringify(manifest)), manifestType);
  return layer.digest;
}

function say(method: string, url: string, body?: Buffer, type = 'application/json'): Promise<{ location: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Length': body?.length ?? 0, ...(body ? { 'Content-Type': type } : {}) };
    const sent = request(url, { method, headers }, (response) => {
      response.resume();
      response.on('end', () => {
        if ((response.statusCode ?? 500) >= 400) reject(new Error(`${method} ${url}: ${response.statusCode}`));
        else resolve({ location: response.headers.location ?? '' });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function startOurs(folder: string, after: (end: () => unknown) => void): Promise<string> {
  const child = spawnBay(['serve', '--listen', '127.0.0.1:0'], { home: join(folder, 'home') });
  after(() => ended(child));
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout?.on('data', (part: Buffer) => {
      said += part.toString();
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
      if (address !== undefined) resolve(address);
    });
    child.once('exit', () => reject(new Error(`bay serve did not start: ${said}`)));
  });
}

async function startTheirs(folder: string, after: (end: () => unknown) => void): Promise<string> {
  const port = await freePort();
  const settings = join(folder, 'registry.yml');
  writeFileSync(
    settings,
    `version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: ${join(folder, 'registry')}}}\nhttp: {addr: "127.0.0.1:${port}"}\n`,
  );
  const child = dockerRegistry.spawn(['serve', settings]);
  after(() => ended(child));
  const address = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    try {
      await say('GET', `${address}/v2/`);
      return address;
    } catch (error) {
      if (tries > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}

if (import.meta.main) {
  const figures = await registryFigures();
  if (typeof figures === 'string') process.stdout.write(`skipped: ${figures}\n`);
  else
    for (const { what, ratio, target, ours, theirs, unit } of figures)
      process.stdout.write(
        `${what.padEnd(22)} ${ratio.toFixed(2).padStart(6)} × (target ≥ ${target})   ours ${ours.toFixed(0)} ${unit}, docker-registry ${theirs.toFixed(0)} ${unit}\n`,
      );
}
