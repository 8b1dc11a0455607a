import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { isImageError, type ImageError } from '../errors.ts';
import { shortId, type Digest } from '../model/digest.ts';
import { familiar, parseReference } from '../model/reference.ts';
import type { ContainerState } from '../store/container-record.ts';
import type { ImageStore } from '../store/image-store.ts';
import { makeImage, putImage, type MakeImageOptions } from '../../test/support/make-image.ts';
import { openStore } from '../../test/support/open-store.ts';
import { prune } from './prune.ts';
import { remove, type RemoveOptions } from './remove.ts';
import { why } from './why.ts';

const now = () => new Date();
/** Of the containers: each is younger than the one before. */
let tick = 0;

async function add(store: ImageStore, names: readonly string[], options: MakeImageOptions, parent?: Digest): Promise<Digest> {
  const image = await makeImage(options);
  await using ingest = await store.begin({ verb: 'commit' });
  await putImage(ingest, image);
  const recorded = parent === undefined ? {} : { parent: { digest: parent, how: 'commit' as const } };
  if (names.length === 0) await ingest.keep(image.target, recorded);
  for (const name of names) await ingest.name(image.target, name, recorded);
  return image.target.digest;
}

async function contain(store: ImageStore, name: string, digest: Digest, state: ContainerState = 'created'): Promise<string> {
  const { id } = await store.addContainer(
    {
      id: randomBytes(32).toString('hex'),
      name,
      image: 'app',
      target: { digest },
      manifest: { digest },
      state,
      created: new Date(++tick),
      volumes: [],
      document: {},
    },
    { action: 'create' },
  );
  return id.slice(0, 12);
}

/** Everything that a refusal must leave alone. */
async function stateOf(store: ImageStore) {
  const { total } = await store.usage();
  const names = (await store.names()).map(({ reference }) => familiar(reference));
  const images = (await store.images()).map(({ target }) => target.digest);
  return {
    total,
    names,
    images,
    containers: (await store.containers()).map(({ id }) => id),
    journal: (await store.journal()).length,
    last: await store.lastEvent(),
  };
}

async function refused(store: ImageStore, name: string, options: RemoveOptions = {}): Promise<ImageError> {
  const before = await stateOf(store);
  for (const dryRun of [true, false]) {
    const error = await remove({ store }, name, { ...options, dryRun }).then(
      () => assert.fail(`${name} was removed`),
      (thrown: unknown) => thrown,
    );
    assert.ok(isImageError(error, 'conflict'), String(error));
    assert.deepEqual(await stateOf(store), before);
    if (!dryRun) return error;
  }
  return assert.fail();
}

/** As the dry run said, with what the disk got back. */
async function removed(store: ImageStore, name: string, options: RemoveOptions = {}) {
  const before = await stateOf(store);
  const planned = await remove({ store }, name, { ...options, dryRun: true });
  assert.deepEqual(await stateOf(store), before);
  const done = await remove({ store }, name, options);
  assert.deepEqual(done, planned);
  assert.deepEqual(await store.check(), []);
  return { ...done, untagged: done.untagged.map(familiar), freed: before.total - (await store.usage()).total };
}

const here = async (store: ImageStore) => (await store.images()).map(({ target }) => target.digest);

test('by its name, with another name left: only that name goes, whatever stands on the image', async (t) => {
  for (const force of [false, true]) {
    const store = await openStore(t);
    const app = await add(store, ['app:1', 'app:2'], { layers: ['a'] });
    await contain(store, 'web', app, 'running');
    await add(store, ['child'], { layers: ['a', 'b'] }, app);
    assert.deepEqual(await removed(store, 'app:1', { force }), { containers: [], untagged: ['app:1'], deleted: [], bytes: 0, freed: 0 });
  }
});

test('by its last name, with a container in any state: refused in docker’s words; by force it loses the name and stays', async (t) => {
  for (const state of ['created', 'exited', 'running'] as const) {
    const store = await openStore(t);
    const app = await add(store, ['app:1'], { layers: ['a'] });
    const id = await contain(store, 'web', app, state);
    await contain(store, 'db', app, 'dead');
    const error = await refused(store, 'app:1');
    assert.equal(
      error.message,
      `conflict: unable to delete app:1 (must be forced) - container ${id} is using its referenced image ${shortId(app)}; in the way: container web (${state}), container db (dead)`,
    );
    assert.equal(error.hint, `To remove them too: bay rmi ${state === 'running' ? '--force ' : ''}--with-containers app:1`);
    assert.deepEqual(await removed(store, 'app:1', { force: true }), {
      containers: [],
      untagged: ['app:1'],
      deleted: [],
      bytes: 0,
      freed: 0,
    });
    assert.deepEqual(await here(store), [app]);
  }
});

test('by its id, with a stopped container: refused; by force it goes from the list, and its content stays for the container', async (t) => {
  const store = await openStore(t);
  const app = await add(store, ['app:1'], { layers: ['a'] });
  const id = await contain(store, 'web', app, 'exited');
  assert.equal(
    (await refused(store, shortId(app))).message,
    `conflict: unable to delete ${shortId(app)} (must be forced) - image is being used by stopped container ${id}; in the way: container web (exited)`,
  );
  const done = await removed(store, shortId(app), { force: true });
  assert.deepEqual([done.untagged, done.deleted, done.bytes, done.freed], [['app:1'], [app], 0, 0]);
  assert.deepEqual(await here(store), []);
  assert.ok((await store.usage()).total > 0);
  await store.removeContainer((await store.container('web')).id, { action: 'destroy' });
  await store.sweep();
  assert.equal((await store.usage()).total, 0);
});

test('by its id, with a running container: refused, by force too', async (t) => {
  const store = await openStore(t);
  const app = await add(store, ['app:1'], { layers: ['a'] });
  await contain(store, 'old', app, 'exited');
  const id = await contain(store, 'web', app, 'running');
  for (const force of [false, true])
    assert.equal(
      (await refused(store, shortId(app), { force })).message,
      `conflict: unable to delete ${shortId(app)} (cannot be forced) - image is being used by running container ${id}; in the way: container old (exited), container web (running)`,
    );
});

test('by its id, with names in several repositories: refused; by force all go', async (t) => {
  const store = await openStore(t);
  const app = await add(store, ['app:1', 'other:1'], { layers: ['a'] });
  assert.match((await refused(store, shortId(app))).message, /\(must be forced\) - image is referenced in multiple repositories$/);
  const done = await removed(store, shortId(app), { force: true });
  assert.deepEqual([done.untagged, done.deleted], [['app:1', 'other:1'], [app]]);
});

test('recorded children keep an image; those known by layers or an annotation do not', async (t) => {
  const store = await openStore(t);
  const base = await add(store, ['base'], { layers: ['a'] });
  const free = await add(store, ['free'], { layers: ['x'] });
  await add(store, ['stranger'], { layers: ['x', 'y'] });
  await add(store, ['claims'], { layers: ['z'], annotations: { 'org.opencontainers.image.base.digest': free } });
  await add(store, ['app:1', 'app:2'], { layers: ['a', 'b'] }, base);
  const error = await refused(store, 'base');
  assert.equal(
    error.message,
    'conflict: unable to delete base:latest (must be forced) - image has dependent child images; in the way: image app:1',
  );
  assert.equal(error.hint, 'To remove them too: bay rmi --tree base');
  assert.deepEqual((await removed(store, 'free')).deleted, [free]);
  assert.deepEqual((await removed(store, 'base', { force: true })).deleted, []);
  // Without a name it is found by its id, and there is nothing more to take from it.
  for (const force of [false, true])
    assert.match((await refused(store, shortId(base), { force })).message, /\(cannot be forced\) - image has dependent child images/);
});

test('an image that was made from others goes with those that have no name, and nothing else needs', async (t) => {
  const store = await openStore(t);
  const base = await add(store, ['base'], { layers: ['a'] });
  const middle = await add(store, [], { layers: ['a', 'b'] }, base);
  const upper = await add(store, [], { layers: ['a', 'b', 'c'] }, middle);
  const app = await add(store, ['app'], { layers: ['a', 'b', 'c', 'd'] }, upper);
  const other = await add(store, ['other'], { layers: ['a', 'b', 'e'] }, middle);
  assert.deepEqual((await removed(store, 'other', { noPrune: true })).deleted, [other]);
  const done = await removed(store, 'app');
  assert.deepEqual(done.deleted, [app, upper, middle]);
  assert.ok(done.freed > 0 && done.bytes === done.freed);
  assert.deepEqual(await here(store), [base]);
});

test('--with-containers takes the containers of the image, running ones by force only', async (t) => {
  const store = await openStore(t);
  const app = await add(store, ['app:1'], { layers: ['a'] });
  await contain(store, 'web', app);
  writeFileSync(join(await store.containerFolder((await store.container('web')).id), 'changed'), 'x'.repeat(1000));
  await contain(store, 'job', app, 'running');
  const error = await refused(store, 'app:1', { withContainers: true });
  assert.match(error.message, /is being used by running container [0-9a-f]{12}; in the way: container job \(running\)$/);
  assert.equal(error.hint, 'To end and remove them too: bay rmi --force --with-containers app:1');
  const done = await removed(store, 'app:1', { withContainers: true, force: true });
  assert.deepEqual(
    done.containers.map(({ name }) => name),
    ['web', 'job'],
  );
  assert.equal(done.bytes, done.freed + 1000);
  assert.deepEqual(await store.containers(), []);
  assert.deepEqual(await here(store), []);
});

test('--tree takes what was made from it, as far as that is recorded or proved; containers on any of it stand in the way', async (t) => {
  const store = await openStore(t);
  const base = await add(store, ['base:1', 'base:2'], { layers: ['a'] });
  const child = await add(store, ['child'], { layers: ['a', 'b'] }, base);
  const proved = await add(store, ['proved'], { layers: ['a', 'b', 'c'] });
  const claimed = await add(store, ['claimed'], { layers: ['a', 'z'], compression: 'zstd' });
  await contain(store, 'deep', proved);
  const error = await refused(store, 'base:1', { tree: true });
  assert.match(error.message, /in the way: container deep \(created\)$/);
  assert.equal(error.hint, 'To remove them too: bay rmi --tree --with-containers base:1');
  const done = await removed(store, 'base:1', { tree: true, withContainers: true });
  assert.deepEqual(done.deleted, [proved, child, base]);
  assert.deepEqual(done.untagged, ['proved:latest', 'child:latest', 'base:1', 'base:2']);
  assert.equal(done.bytes, done.freed);
  assert.deepEqual(await here(store), [claimed]);
});

test('a child that is in no list any more keeps its parent for its container', async (t) => {
  const store = await openStore(t);
  const base = await add(store, ['base'], { layers: ['a'] });
  const child = await add(store, ['child'], { layers: ['a', 'b'] }, base);
  await contain(store, 'web', child, 'exited');
  await removed(store, shortId(child), { force: true });
  assert.match((await refused(store, 'base')).message, /in the way: container web \(exited\)$/);
});

test('prune keeps what containers stand on, in any state, and what an image that stays was made from', async (t) => {
  const store = await openStore(t);
  const used = await add(store, ['used'], { layers: ['a'] });
  const stopped = await add(store, [], { layers: ['b'] });
  const base = await add(store, [], { layers: ['c'] });
  const onBase = await add(store, ['on-base'], { layers: ['c', 'd'] }, base);
  const idle = await add(store, [], { layers: ['e'] });
  const onIdle = await add(store, [], { layers: ['e', 'f'] }, idle);
  await contain(store, 'web', used);
  await contain(store, 'old', stopped, 'exited');
  const pruned = async (options: { all?: boolean }) => {
    const plan = await prune({ store, now }, { ...options, dryRun: true });
    const before = (await store.usage()).total;
    const done = await prune({ store, now }, options);
    assert.deepEqual(done, plan);
    assert.equal(before - (await store.usage()).total, done.bytes);
    return done.images.map(({ deleted }) => deleted);
  };
  assert.deepEqual(await pruned({}), [onIdle, idle]);
  assert.deepEqual(await pruned({ all: true }), [onBase, base]);
  assert.deepEqual(await here(store), [used, stopped].toSorted());
});

test('a container that comes between the plan and the act is not left without its image', async (t) => {
  const store = await openStore(t);
  const app = await add(store, ['app:1'], { layers: ['a'] });
  const racing = Object.assign(Object.create(store) as ImageStore, {
    find: store.find.bind(store),
    image: store.image.bind(store),
    users: store.users.bind(store),
    parents: store.parents.bind(store),
    sweep: store.sweep.bind(store),
    discard: async (...args: Parameters<ImageStore['discard']>) => {
      if ((await store.containers()).length === 0) await contain(store, 'web', app);
      return store.discard(...args);
    },
  });
  await assert.rejects(remove({ store: racing }, 'app:1'), /container web \(created\)$/);
  assert.deepEqual(await here(store), [app]);
  assert.equal((await store.names()).length, 1);
});

test('the hint is the command that works: with the containers on what was made from it, and by its id in spite of several names', async (t) => {
  const store = await openStore(t);
  const base = await add(store, ['base'], { layers: ['a'] });
  const app = await add(store, ['app:1'], { layers: ['a', 'b'] }, base);
  await contain(store, 'web', app);
  const error = await refused(store, 'base');
  assert.match(error.message, /image has dependent child images; in the way: container web \(created\), image app:1$/);
  assert.equal(error.hint, 'To remove them too: bay rmi --tree --with-containers base');
  assert.deepEqual((await why({ store }, 'base')).flags, ['--tree', '--with-containers']);
  assert.deepEqual((await removed(store, 'base', { tree: true, withContainers: true })).deleted, [app, base]);

  const both = await add(store, ['one:1', 'other:1'], { layers: ['x'] });
  await contain(store, 'job', both);
  assert.equal((await refused(store, both)).hint, `To remove them too: bay rmi --force --with-containers ${both}`);
  assert.deepEqual((await why({ store }, both)).flags, ['--force', '--with-containers']);
  assert.deepEqual((await removed(store, both, { force: true, withContainers: true })).deleted, [both]);
});

test('what only a repository shows is refused in the same words, and goes with its containers', async (t) => {
  const store = await openStore(t);
  const image = await makeImage({ layers: ['a'] });
  const { digest } = image.target;
  await putImage(store.repository(parseReference('app')), image);
  const id = await contain(store, 'web', digest);
  assert.deepEqual(await here(store), []);
  const error = await refused(store, digest);
  assert.equal(
    error.message,
    `conflict: unable to delete ${shortId(digest)} (must be forced) - image is being used by stopped container ${id}; in the way: container web (created)`,
  );
  assert.equal(error.hint, `To remove them too: bay rmi --with-containers ${digest}`);
  assert.deepEqual((await removed(store, digest, { withContainers: true })).deleted, [digest]);
  await assert.rejects(store.repository(parseReference('app')).resolve(digest));
});

test('a hundred containers in the way make a sentence that can be read', async (t) => {
  const store = await openStore(t);
  const app = await add(store, ['app:1'], { layers: ['a'] });
  for (let number = 0; number < 20; number++) await contain(store, `web${number}`, app);
  assert.match((await refused(store, 'app:1')).message, /container web11 \(created\) and 8 more$/);
});
