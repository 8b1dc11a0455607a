import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { isImageError } from '../errors.ts';
import { changeSettings, defaultDockerSocket, storeFolder } from './home-folder.ts';

function homeFolder(t: Pick<TestContext, 'after'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'bayplan-home-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test(
  'the Docker door is in the runtime folder, or beside a home that was chosen, or where there is no such folder',
  { skip: process.platform === 'win32' ? 'Windows has pipes' : false },
  (t) => {
    const runtime = mkdtempSync(join(tmpdir(), 'bayplan-runtime-'));
    t.after(() => rmSync(runtime, { recursive: true }));
    assert.equal(defaultDockerSocket({ XDG_RUNTIME_DIR: runtime }), join(runtime, 'bayplan', 'docker.sock'));
    assert.equal(defaultDockerSocket({ XDG_RUNTIME_DIR: runtime, BAY_HOME: '/srv/bay' }), '/srv/bay/run/docker.sock');
    for (const none of [undefined, '', 'relative', join(runtime, 'not-there')])
      assert.match(defaultDockerSocket({ XDG_RUNTIME_DIR: none, XDG_DATA_HOME: '/data' }), /\/bayplan\/run\/docker\.sock$/, String(none));
  },
);

test('settings that are changed at once are all there, beside keys that nobody here knows', async (t) => {
  const home = join(homeFolder(t), 'made', 'when-needed');
  const env = { BAY_HOME: home };
  await changeSettings(env, () => ({ other: { kept: true } }));
  await Promise.all(Array.from({ length: 8 }, (_, at) => changeSettings(env, (current) => ({ ...current, [`key${at}`]: at }))));
  await changeSettings(env, (current) => ({ ...current, store: join(home, 'elsewhere') }));
  const written = JSON.parse(readFileSync(join(home, 'config.json'), 'utf8')) as Record<string, unknown>;
  assert.deepEqual(Object.keys(written).length, 10);
  assert.deepEqual(written['other'], { kept: true });
  assert.equal(await storeFolder(env), join(home, 'elsewhere'));
  assert.deepEqual(readdirSync(home), ['config.json'], 'no draft and no lock is left');
});

test('settings that cannot be read are not written over, and what is not changed is not written', async (t) => {
  const home = homeFolder(t);
  const env = { BAY_HOME: home };
  await changeSettings(env, (current) => current);
  assert.ok(!existsSync(join(home, 'config.json')));
  writeFileSync(join(home, 'config.json'), '{ "store": ');
  await assert.rejects(
    changeSettings(env, (current) => ({ ...current, store: 'x' })),
    (error) => isImageError(error, 'invalid-config'),
  );
  assert.equal(readFileSync(join(home, 'config.json'), 'utf8'), '{ "store": ');
  assert.deepEqual(readdirSync(home), ['config.json']);
});

test('a home that cannot be one is refused with the way to another', async (t) => {
  const file = join(homeFolder(t), 'file');
  writeFileSync(file, '');
  for (const home of [file, join(file, 'below')]) {
    const hinted = (error: unknown) => isImageError(error) && /BAY_HOME/.test(error.hint ?? '');
    await assert.rejects(storeFolder({ BAY_HOME: home }), hinted);
    await assert.rejects(
      changeSettings({ BAY_HOME: home }, (current) => current),
      hinted,
    );
  }
});
