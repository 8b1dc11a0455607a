/** The registry door beside docker-registry: manifests by wrk, blobs by curl. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';

import type { Bench } from './bench.ts';
import { said } from './command.ts';
import type { Row, Samples } from './figure.ts';
import { paired } from './paired.ts';
import { peer } from './peers.ts';

const rounds = 7;
const blobBytes = 100 << 20;
const manifestType = 'application/vnd.oci.image.manifest.v1+json';

const row = (measured: string, unit: Row['unit'], atLeast: number): Row => ({
  name: 'registry',
  peer: 'docker-registry',
  measured,
  unit,
  limit: { atLeast },
});

export const registry: Bench = {
  word: 'registry',
  rows: [
    row('manifest GET by tag, 16 connections', 'req/s', 5),
    row('blob GET, 100 MiB, 1 connection', 'MB/s', 0.9),
    row('blob PUT, 100 MiB, new there', 'MB/s', 0.9),
  ],
  async measure(lab) {
    const [wrk, curl] = [peer('wrk'), peer('curl')];
    const servers = { ours: (await lab.door()).host, theirs: (await lab.registry()).host };
    const blob = join(lab.work, 'blob');
    writeFileSync(blob, randomBytes(blobBytes));
    const digest = digestOf(readFileSync(blob));
    for (const host of Object.values(servers)) await fill(host, blob, digest);

    const requests = async (host: string): Promise<number> => {
      const report = await said(
        wrk.command(['-t1', '-c16', '-d2s', '-H', `Accept: ${manifestType}`, `http://${host}/v2/bench/app/manifests/latest`]),
        lab.options(),
      );
      if (report.includes('Non-2xx')) throw new Error(`not all answers were right: ${report}`);
      return Number(/Requests\/sec:\s+([\d.]+)/.exec(report)?.[1]);
    };
    const transfer = async (direction: 'download' | 'upload', ...args: readonly string[]): Promise<number> => {
      const report = await said(curl.command(['-sS', '--fail', '-w', `\n%{speed_${direction}}`, ...args]), lab.options());
      return Number(report.slice(report.lastIndexOf('\n') + 1)) / 1e6;
    };
    const put = async (host: string, round: number): Promise<number> => {
      const place = await beginUpload(host, `put/app-${round}`, digest);
      return await transfer('upload', '-X', 'PUT', '-H', 'Content-Type: application/octet-stream', '-T', blob, place);
    };
    const get = (host: string) => transfer('download', '-o', '/dev/null', `http://${host}/v2/bench/app/blobs/${digest}`);
    const beside = (once: (host: string, round: number) => Promise<number>): Promise<Samples> =>
      paired(
        rounds,
        (round) => once(servers.ours, round),
        (round) => once(servers.theirs, round),
      );
    return [await beside(requests), await beside(get), await beside(put)];
  },
};

/** An image with one large layer. */
async function fill(host: string, blob: string, digest: string): Promise<void> {
  const push = async (bytes: Buffer, digest: string): Promise<{ digest: string; size: number }> => {
    await say('PUT', await beginUpload(host, 'bench/app', digest), bytes, 'application/octet-stream');
    return { digest, size: bytes.length };
  };
  const settings = Buffer.from('{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}');
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...(await push(settings, digestOf(settings))) },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...(await push(readFileSync(blob), digest)) }],
  };
  await say('PUT', `http://${host}/v2/bench/app/manifests/latest`, Buffer.from(JSON.stringify(manifest)), manifestType);
}

/** @returns where to put all of it */
async function beginUpload(host: string, repository: string, digest: string): Promise<string> {
  const begun = await say('POST', `http://${host}/v2/${repository}/blobs/uploads/`);
  const at = new URL(begun.location, `http://${host}`);
  at.searchParams.set('digest', digest);
  return at.href;
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
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
