/** skopeo's `docker-daemon:` in both directions: a client of the API's oldest version, which sends an archive and reads one. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { peer } from '../support/peers.ts';
import { temporary } from '../support/temporary.ts';
import { startEngine } from './engine-ground.ts';

const skopeo = peer('skopeo');

test('skopeo takes an image out of the daemon, and puts it into another, whole', { skip: skopeo.skip }, async (t) => {
  const engine = await startEngine(t);
  const image = await engine.put(['docker.io/team/app:1']);
  const folder = join(temporary(t, 'skopeo'), 'image');
  const copy = (...args: string[]) => skopeo.run(['--override-os', 'linux', 'copy', ...args]);
  await copy('--src-daemon-host', engine.host, 'docker-daemon:team/app:1', `oci:${folder}:app`);
  const other = await startEngine(t);
  for (const name of ['team/app:2', 'team/app:3'])
    await copy('--dest-daemon-host', other.host, `oci:${folder}:app`, `docker-daemon:${name}`);
  const loaded: { RootFS: { Layers: string[] }; Config: { Env: string[] }; RepoTags: string[] } = (
    await other.send('GET', '/images/team/app:2/json')
  ).json();
  const original: { RootFS: { Layers: string[] } } = (await engine.send('GET', '/images/team/app:1/json')).json();
  assert.deepEqual(loaded.RootFS, original.RootFS);
  assert.deepEqual(loaded.Config.Env, ['A=1']);
  assert.deepEqual(loaded.RepoTags, ['team/app:2', 'team/app:3']);
  const inspected = JSON.parse((await skopeo.run(['inspect', '--daemon-host', engine.host, 'docker-daemon:team/app:1'])).stdout) as {
    Layers: string[];
    Os: string;
  };
  assert.equal(inspected.Layers.length, image.layers.length);
  assert.equal(inspected.Os, 'linux');
});

test('skopeo is told of an image that is not there', { skip: skopeo.skip }, async (t) => {
  const engine = await startEngine(t);
  const { code, stderr } = await skopeo.try(['inspect', '--daemon-host', engine.host, 'docker-daemon:team/nope:1']);
  assert.notEqual(code, 0);
  assert.match(stderr, /No such image: team\/nope:1/);
});
