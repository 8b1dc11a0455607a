/** Debian's docker-registry on a port of its own choice: the reference registry, for tests of a client. */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { peer } from './peers.ts';
import { temporary } from './temporary.ts';

export const dockerRegistry = peer('docker-registry');

export interface DockerRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
}

/** Runs until the test ends. `http` and `auth` are lines of its settings below those keys. */
export async function startDockerRegistry(
  t: TestContext,
  settings: { http?: readonly string[]; auth?: readonly string[] } = {},
): Promise<DockerRegistry> {
  const folder = temporary(t, 'registry');
  mkdirSync(join(folder, 'data'));
  const config = [
    'version: 0.1',
    'log: {level: info, accesslog: {disabled: true}}',
    'storage:',
    `  filesystem: {rootdirectory: ${join(folder, 'data')}}`,
    '  delete: {enabled: true}',
    // Without this it answers a manifest of foreign layers with 500.
    "validation: {manifests: {urls: {allow: ['.*']}}}",
    'http:',
    '  addr: 127.0.0.1:0',
    ...(settings.http ?? []).map((line) => `  ${line}`),
    ...(settings.auth === undefined ? [] : ['auth:', ...settings.auth.map((line) => `  ${line}`)]),
  ];
  const file = join(folder, 'config.yml');
  writeFileSync(file, `${config.join('\n')}\n`);
  const child = dockerRegistry.spawn(['serve', file], { env: { OTEL_TRACES_EXPORTER: 'none' } });
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null && child.kill()) await once(child, 'close');
  });
  child.stdout?.resume();
  let said = '';
  const port = await new Promise<string>((resolve, reject) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const match = /listening on 127\.0\.0\.1:(\d+)/.exec(said);
      if (match?.[1] !== undefined) resolve(match[1]);
    });
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`docker-registry ended with ${code}: ${said}`)));
  });
  return { host: `127.0.0.1:${port}` };
}
