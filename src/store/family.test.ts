import assert from 'node:assert/strict';
import { test } from 'node:test';

import { digestOf, type Digest } from '../model/digest.ts';
import { mediaTypes } from '../model/media-types.ts';
import { makeImage, makeIndex, putImage, type MadeImage, type MakeImageOptions } from '../../test/support/make-image.ts';
import { openStore } from '../../test/support/open-store.ts';
import type { ImageStore } from './image-store.ts';
import type { NameOptions } from './ingest.ts';
import type { Relation } from './relation.ts';

const empty = Buffer.alloc(1024);
const baseDigest = 'org.opencontainers.image.base.digest';

async function add(store: ImageStore, name: string | undefined, options: MakeImageOptions | MadeImage, how: NameOptions = {}) {
  const image = 'target' in options ? options : await makeImage(options);
  await using ingest = await store.begin({ verb: 'load' });
  await putImage(ingest, image);
  if (name === undefined) await ingest.keep(image.target, how);
  else await ingest.name(image.target, name, how);
  return image.target.digest;
}

const brief = (relations: readonly Relation[]) => relations.map(({ image, how, by, layers }) => [image, how, by, layers]);

test('the parent is the image with the longest proper part of the layers, whoever published it', async (t) => {
  const store = await openStore(t);
  const base = await add(store, 'debian:12', { layers: ['base'] });
  const middle = await add(store, 'registry.example/team/runtime:1', { layers: ['base', 'runtime'] });
  const app = await add(store, 'app:1', { layers: ['base', 'runtime', 'config', 'app'] });
  assert.deepEqual(brief(await store.parents(app)), [[middle, 'proved', 'layers', 2]]);
  assert.deepEqual(brief(await store.parents(middle)), [[base, 'proved', 'layers', 1]]);
  assert.deepEqual(await store.parents(base), []);
  assert.deepEqual(brief(await store.children(base)), [[middle, 'proved', 'layers', 1]]);
  assert.deepEqual(await store.children(app), []);
  assert.deepEqual([...(await store.descendants(base)).keys()], [base, middle, app]);
});

test('layers that were packed otherwise are a claim, until both have been unpacked here', async (t) => {
  const store = await openStore(t);
  const made = await makeImage({ layers: ['base'] });
  const base = await add(store, 'base', made);
  const packed = await makeImage({ layers: ['base', 'app'], compression: 'zstd' });
  const app = await add(store, 'app', packed);
  assert.deepEqual(brief(await store.parents(app)), [[base, 'claimed', 'layers', 1]]);
  const [diffId] = (await store.image(base))?.platforms[0]?.diffIds ?? [];
  assert.ok(diffId);
  for (const [at, blob] of [made.layers[0]?.digest, packed.layers[0]?.digest].entries()) {
    await using draft = await store.draftFolder('tree');
    await store.addTree(diffId, draft, 10, blob);
    const how = at === 0 ? 'claimed' : 'proved';
    assert.deepEqual(brief(await store.parents(app)), [[base, how, 'layers', 1]]);
    assert.deepEqual(brief(await store.children(base)), [[app, how, 'layers', 1]]);
    assert.deepEqual(brief((await store.forest()).children.get(base) ?? []), [[app, how, 'layers', 1]]);
  }
});

test('a config that claims the layers of another image proves nothing', async (t) => {
  const store = await openStore(t);
  const base = await add(store, 'debian', { layers: ['base'] });
  const claims = [...((await store.image(base))?.platforms[0]?.diffIds ?? []), digestOf(Buffer.from('more'))];
  const liar = await add(store, 'liar', { layers: ['something', 'else'], claims });
  assert.deepEqual(brief(await store.parents(liar)), [[base, 'claimed', 'layers', 1]]);
  // Nor does one that does not even agree with its manifest.
  const odd = await add(store, 'odd', { layers: ['base'], claims });
  assert.deepEqual(brief(await store.parents(odd)), [[base, 'claimed', 'layers', 1]]);
  assert.deepEqual((await store.children(base)).map(({ image }) => image).toSorted(), [liar, odd].toSorted());
});

test('layers without files are no base; above others they are layers like any', async (t) => {
  const store = await openStore(t);
  const nothing = await add(store, 'nothing', { layers: [empty, empty] });
  const one = await add(store, 'one', { layers: [empty, empty, 'one'] });
  const two = await add(store, 'two', { layers: [empty, empty, 'one', empty] });
  const three = await add(store, 'three', { layers: [empty, empty, 'one', empty, empty] });
  assert.deepEqual(await store.children(nothing), []);
  assert.deepEqual(await store.parents(one), []);
  assert.deepEqual(brief(await store.parents(two)), [[one, 'proved', 'layers', 3]]);
  assert.deepEqual(brief(await store.parents(three)), [[two, 'proved', 'layers', 4]]);
  assert.deepEqual([...(await store.forest()).children.values()].flat().length, 2);
});

test('images with the same layers are no parents of each other, and together those of what stands on them', async (t) => {
  const store = await openStore(t);
  const plain = await add(store, 'plain', { layers: ['base'] });
  const labelled = await add(store, undefined, { layers: ['base'], labels: { tier: 'web' } });
  const zstd = await add(store, 'aaa', { layers: ['base'], compression: 'zstd' });
  const app = await add(store, 'app', { layers: ['base', 'app'] });
  const named = await add(store, 'named', { layers: ['base', 'app'], annotations: { [baseDigest]: zstd } });
  for (const image of [plain, labelled, zstd]) assert.deepEqual(await store.parents(image), []);
  // Proved ones first, and of these one that has a name.
  assert.deepEqual(brief(await store.parents(app)), [
    [plain, 'proved', 'layers', 1],
    [labelled, 'proved', 'layers', 1],
    [zstd, 'claimed', 'layers', 1],
  ]);
  // What is proved comes before what is only said.
  assert.equal((await store.parents(named))[0]?.image, plain);
});

test('a squashed image has the parent that its annotation names, and none without', async (t) => {
  const store = await openStore(t);
  const base = await makeIndex([
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ]);
  await add(store, 'base', base);
  const [, arm] = base.images;
  const whole = await add(store, 'whole', { layers: ['squashed'], annotations: { [baseDigest]: base.target.digest } });
  const single = await add(store, 'single', { layers: ['squashed too'], annotations: { [baseDigest]: arm?.target.digest ?? '' } });
  const silent = await add(store, 'silent', { layers: ['says nothing'] });
  for (const image of [whole, single])
    assert.deepEqual(brief(await store.parents(image)), [[base.target.digest, 'claimed', 'annotation', undefined]]);
  assert.deepEqual(await store.parents(silent), []);
  assert.deepEqual((await store.children(base.target.digest)).map(({ image }) => image).toSorted(), [single, whole].toSorted());
});

test('an annotation may name the index that one platform was pulled from', async (t) => {
  const store = await openStore(t);
  const made = await makeIndex([{ os: 'linux', architecture: 'amd64' }]);
  const [image] = made.images;
  assert.ok(image);
  {
    await using ingest = await store.begin({ verb: 'pull' });
    await putImage(ingest, made);
    await ingest.tag(image.target, 'debian', { origin: made.target });
  }
  const app = await add(store, 'app', { layers: ['squashed'], annotations: { [baseDigest]: made.target.digest } });
  assert.deepEqual(brief(await store.parents(app)), [[image.target.digest, 'claimed', 'annotation', undefined]]);
  assert.deepEqual(brief(await store.children(image.target.digest)), [[app, 'claimed', 'annotation', undefined]]);
});

test('an index is made from what any of its platforms is made from, and is no parent of what it lists', async (t) => {
  const store = await openStore(t);
  const amd = await makeImage({ layers: ['amd base'], platform: { os: 'linux', architecture: 'amd64' } });
  const arm = await makeImage({ layers: ['arm base'], platform: { os: 'linux', architecture: 'arm64' } });
  const onAmd = await makeImage({ layers: ['amd base', 'app'], platform: { os: 'linux', architecture: 'amd64' } });
  const onArm = await makeImage({ layers: ['arm base', 'app'], platform: { os: 'linux', architecture: 'arm64' } });
  for (const [name, image] of Object.entries({ amd, arm })) await add(store, name, image);
  const app = await add(store, 'app', indexOf(onAmd, onArm));
  assert.deepEqual((await store.parents(app)).map(({ image }) => image).toSorted(), [amd.target.digest, arm.target.digest].toSorted());
  assert.deepEqual(
    (await store.parents(onArm.target.digest)).map(({ image }) => image),
    [arm.target.digest],
  );
  // One index with a base and what was made of it.
  const both = await add(store, 'both', indexOf(amd, onAmd));
  assert.deepEqual(
    (await store.parents(both)).map(({ image }) => image),
    [amd.target.digest],
  );
  assert.deepEqual((await store.children(amd.target.digest)).map(({ image }) => image).toSorted(), [app, both].toSorted());
  // What both lists is not made from it, in whatever other index it stands.
  assert.deepEqual(await store.children(both), []);
});

test('what was recorded counts before layers and annotations, and keeps the content of the parent', async (t) => {
  const store = await openStore(t);
  const base = await add(store, 'base', { layers: ['base'] });
  const other = await add(store, 'other', { layers: ['other'] });
  const child = await add(store, 'child', { layers: ['base', 'x'] }, { parent: { digest: other, how: 'commit' } });
  assert.deepEqual(brief(await store.parents(child)), [[other, 'recorded', 'commit', undefined]]);
  assert.deepEqual(await store.children(base), []);
  await store.forget(other, { verb: 'rmi', names: 'all' });
  assert.deepEqual((await store.sweep()).blobs, []);
  assert.deepEqual(brief(await store.parents(child)), [[other, 'recorded', 'commit', undefined]]);
  const holders = await store.holders(other);
  assert.deepEqual(
    holders.map(({ kind, path }) => [kind, path[0]]),
    [['child', child]],
  );
  const roots = [child];
  const plan = await store.sweep({ dryRun: true, roots });
  await store.forget(child, { verb: 'rmi', names: 'all' });
  const swept = await store.sweep({ roots });
  assert.deepEqual(swept, plan);
  assert.ok(swept.blobs.some(({ digest }) => digest === other));
});

test('two that were recorded as made from each other keep nobody', async (t) => {
  const store = await openStore(t);
  const one = await add(store, 'one', { layers: ['one'] });
  const two = await add(store, 'two', { layers: ['two'] }, { parent: { digest: one, how: 'build' } });
  await add(store, 'one', { layers: ['one'] }, { parent: { digest: two, how: 'build' } });
  assert.deepEqual([...(await store.descendants(one)).keys()].toSorted(), [one, two].toSorted());
  for (const image of [one, two]) await store.forget(image, { verb: 'rmi', names: 'all' });
  await store.sweep();
  assert.deepEqual((await store.usage()).total, 0);
});

test('what is swept leaves no trace in the forest', async (t) => {
  const store = await openStore(t);
  const images = [];
  for (const layers of [['a'], ['a', 'b'], ['a', 'c', 'd'], ['e']]) images.push(await add(store, undefined, { layers }));
  for (const image of images.slice(1)) await store.forget(image, { verb: 'rmi' });
  await store.sweep();
  assert.deepEqual(await store.check(), []);
  const { Database } = await import('./database.ts');
  const { Place } = await import('./place.ts');
  const database = await Database.open(new Place(store.path), { actor: 'me', now: () => new Date(), at: undefined });
  t.after(() => database.close());
  const count = (table: string) => database.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)?.n;
  assert.deepEqual(['chain', 'stack', 'layered'].map(count), [1, 1, 1]);
});

function indexOf(...images: readonly MadeImage[]): MadeImage {
  const manifests = images.map(({ target }, at) => ({ ...target, platform: { os: 'linux', architecture: `cpu${at}` } }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }));
  const [first] = images;
  assert.ok(first);
  const target = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
  return { ...first, target, blobs: new Map([...images.flatMap(({ blobs }) => [...blobs]), [target.digest, bytes]]) };
}

/** What the rules say, by looking at every pair. */
class BruteForce {
  readonly listed: ReadonlyMap<Digest, readonly Digest[]>;
  readonly made: ReadonlyMap<Digest, Made>;
  readonly recorded: ReadonlyMap<Digest, readonly Digest[]>;

  constructor(
    listed: ReadonlyMap<Digest, readonly Digest[]>,
    made: ReadonlyMap<Digest, Made>,
    recorded: ReadonlyMap<Digest, readonly Digest[]>,
  ) {
    this.listed = listed;
    this.made = made;
    this.recorded = recorded;
  }

  imagesOf(manifest: Digest): Digest[] {
    return [...this.listed].filter(([, within]) => within.includes(manifest)).map(([image]) => image);
  }

  links(): Map<string, string> {
    const found = new Map<string, string>();
    for (const manifest of this.made.keys())
      for (const child of this.imagesOf(manifest))
        for (const [parent, how] of this.parentsOf(manifest)) {
          const key = `${child} ${parent}`;
          const order = ['recorded', 'proved', 'claimed'];
          if (!found.has(key) || order.indexOf(how) < order.indexOf(found.get(key) ?? '')) found.set(key, how);
        }
    return found;
  }

  parentsOf(manifest: Digest): Map<Digest, string> {
    const own = this.made.get(manifest);
    assert.ok(own);
    const mine = this.imagesOf(manifest);
    const recorded = new Map<Digest, string>();
    for (const around of [manifest, ...mine])
      for (const parent of this.recorded.get(around) ?? [])
        for (const image of this.imagesOf(parent)) if (!mine.includes(image)) recorded.set(image, 'recorded');
    if (recorded.size > 0) return recorded;
    for (let length = own.layers.length - 1; length > 0; length--) {
      if (own.layers.slice(0, length).every(({ isEmpty }) => isEmpty)) break;
      const here = new Map<Digest, string>();
      for (const [other, { layers }] of this.made) {
        if (layers.length !== length || !layers.every(({ diffId }, at) => diffId === own.layers[at]?.diffId)) continue;
        const proved = layers.every(
          ({ blob, diffId }, at) => blob === own.layers[at]?.blob || (blob === diffId && own.layers[at]?.blob === diffId),
        );
        for (const image of this.imagesOf(other))
          if (!mine.includes(image) && here.get(image) !== 'proved') here.set(image, proved ? 'proved' : 'claimed');
      }
      if (here.size > 0) return here;
    }
    const named = own.base === undefined ? [] : this.imagesOf(own.base).filter((image) => !mine.includes(image));
    return new Map(named.map((image) => [image, 'claimed']));
  }
}

interface Made {
  readonly layers: readonly { readonly diffId: string; readonly blob: string; readonly isEmpty: boolean }[];
  readonly base: Digest | undefined;
}

const seeds = process.env['BAY_SLOW_TESTS'] === '1' ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] : [1, 2, 3, 4, 5];
for (const seed of seeds) {
  test(`random images have the parents and children that every pair of them says (${seed})`, async (t) => {
    let state = seed * 7919;
    const random = (below: number) => (state = (state * 48271) % 2147483647) % below;
    const store = await openStore(t);
    const made = new Map<Digest, Made>();
    const targets: MadeImage[] = [];
    const recorded = new Map<Digest, Digest[]>();
    const listed = new Map<Digest, readonly Digest[]>();
    for (let number = 0; number < 40; number++) {
      const layers = Array.from({ length: random(5) }, () => [empty, 'a', 'b'][random(3)] ?? 'c');
      const compression = (['gzip', 'zstd', 'none'] as const)[random(3)] ?? 'gzip';
      const base = random(3) === 0 ? targets[random(targets.length || 1)]?.target.digest : undefined;
      const image = await makeImage({
        layers,
        compression,
        labels: { number: String(random(6)) },
        ...(base === undefined ? {} : { annotations: { [baseDigest]: base } }),
      });
      const { diff_ids: diffIds } = (JSON.parse(String(image.blobs.get(image.config.digest))) as { rootfs: { diff_ids: string[] } }).rootfs;
      if (!made.has(image.target.digest)) {
        const details = diffIds.map((diffId, at) => ({ diffId, blob: image.layers[at]?.digest ?? '', isEmpty: layers[at] === empty }));
        made.set(image.target.digest, { layers: details, base });
      }
      const others = targets.filter(({ target }) => made.has(target.digest));
      const listing = random(4) === 0 && others.length > 2 ? indexOf(image, others[random(others.length)] ?? image) : image;
      const parent = random(6) === 0 ? targets[random(targets.length || 1)]?.target.digest : undefined;
      const { digest } = listing.target;
      await add(store, `image:${number}`, listing, parent === undefined ? {} : { parent: { digest: parent, how: 'build' } });
      targets.push(listing);
      if (parent === undefined || parent === digest) continue;
      recorded.set(digest, [...(recorded.get(digest) ?? []), parent]);
    }
    for (const { target, platforms } of await store.images())
      listed.set(target.digest, [...new Set([target.digest, ...platforms.map(({ manifest }) => manifest.digest)])]);
    const expected = [...new BruteForce(listed, made, recorded).links()].map(([key, how]) => `${key} ${how}`).toSorted();
    const byParents: string[] = [];
    const byChildren: string[] = [];
    for (const image of listed.keys()) {
      for (const relation of await store.parents(image)) byParents.push(`${image} ${relation.image} ${relation.how}`);
      for (const relation of await store.children(image)) byChildren.push(`${relation.image} ${image} ${relation.how}`);
    }
    assert.deepEqual(byParents.toSorted(), expected);
    assert.deepEqual(byChildren.toSorted(), expected);
    const all: string[] = [];
    const forest = await store.forest();
    for (const image of listed.keys()) assert.deepEqual(forest.first.get(image), (await store.parents(image))[0]);
    for (const [parent, relations] of forest.children) for (const { image, how } of relations) all.push(`${image} ${parent} ${how}`);
    assert.deepEqual(all.toSorted(), expected);
    for (const image of listed.keys()) {
      const below = await store.descendants(image);
      for (const [parent, relations] of below)
        assert.deepEqual(
          relations.map(({ image: child, how }) => `${child} ${parent} ${how}`).toSorted(),
          expected.filter((line) => line.split(' ')[1] === parent),
        );
    }
    assert.ok(expected.length > 20, `${expected.length} relations`);
  });
}
