import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { readSettings } from '../../../containers/container-settings.ts';
import { command, parseWords } from '../grammar.ts';
import { createDocument } from './create-document.ts';
import { createFlags } from './create-flags.ts';

/** The document for the words of a command line. */
async function documentOf(words: readonly string[], cwd = '/home/me', env: Record<string, string> = {}): Promise<Record<string, unknown>> {
  const operands = { usage: '', min: 1, stopAtFirst: true } as const;
  const made: Record<string, unknown>[] = [];
  const parsed = parseWords(createFlags, words, { stopAtFirst: true });
  const spec = command({
    operands,
    flags: createFlags,
    async run({ flags, given, operands: [image, ...rest] }) {
      made.push(await createDocument({ flags, given, image, command: rest, terminal: { cwd, env } }));
    },
  });
  await spec.start({
    words: parsed,
    given: new Set(parsed.values.keys()),
    name: 'create',
  } as unknown as Parameters<typeof spec.start>[0]);
  return made[0] ?? {};
}

test('a line’s document is what docker’s client 28 sends for the same line', async () => {
  const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'docker-bodies.json'), 'utf8')) as {
    words: string[];
    body: Record<string, unknown>;
  }[];
  assert.ok(recorded.length >= 6);
  for (const { words, body } of recorded) {
    const document = await documentOf(words);
    // Both are read as a server reads them: what is zero need not be there.
    const normal = (one: unknown) => {
      const { config, host, endpoints } = readSettings(one);
      return { config: { ...config, Env: config.Env ?? [] }, host, endpoints };
    };
    assert.deepEqual(normal(document), normal(body), words.join(' '));
    const { EndpointsConfig: own } = document['NetworkingConfig'] as { EndpointsConfig: object };
    assert.deepEqual(Object.keys(own), Object.keys((body['NetworkingConfig'] as { EndpointsConfig: object }).EndpointsConfig));
  }
});

test('paths that begin with a dot are of the folder where the line was typed', async () => {
  const { HostConfig } = (await documentOf(
    ['-v', './a:/b', '-v', 'c:/d', '-v', 'vol:/e', '--mount', 'type=bind,src=.,dst=/f', 'i'],
    '/home/me',
  )) as {
    HostConfig: { Binds: string[]; Mounts: { Source: string }[] };
  };
  assert.deepEqual(HostConfig.Binds, ['/home/me/a:/b', 'vol:/e']);
  assert.equal(HostConfig.Mounts[0]?.Source, '/home/me');
});

test('a variable without a value is the user’s own, where there is one', async () => {
  const { Env } = (await documentOf(['-e', 'HOME', '-e', 'NONE', '-e', 'A=', 'i'], '/', { HOME: '/home/me' })) as { Env: string[] };
  assert.deepEqual(Env, ['HOME=/home/me', 'NONE', 'A=']);
});
