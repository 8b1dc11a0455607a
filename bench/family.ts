import { join } from 'node:path';

import { digestOf, type Digest } from '../src/model/digest.ts';
import { mediaTypes } from '../src/model/media-types.ts';
import type { Manifest } from '../src/model/manifest.ts';
import { Database } from '../src/store/database.ts';
import { Family } from '../src/store/family.ts';
import { insertManifest, insertSummary, summarize } from '../src/store/manifests.ts';
import { makeFolders, Place } from '../src/store/place.ts';
import type { Bench } from './bench.ts';
import type { Row } from './figure.ts';

const count = 10_000;
const rounds = 15;
const limit = { atMost: 50 };
const row = (measured: string): Row => ({
  name: `who was made from whom, of ${count.toLocaleString('en')} images`,
  measured,
  unit: 'ms',
  limit,
});

/**
 * A store of one great family: some bases, a runtime or two on each, and applications on those and on each other, a few layers each. Only rows: no blob is looked at
 * for any of these answers.
 */
export const family: Bench = {
  word: 'family',
  rows: [
    row('parents of an image'),
    row('children of the base that has the most'),
    row('all that stands on that base'),
    row('the tree of all images'),
    row('children of a base that all others stand on'),
  ],
  async measure(lab) {
    const mixed = await makeFamily(await lab.fresh('family'), (number, random) =>
      number < 10 ? undefined : number < 300 ? random(10) : random(4) === 0 ? 10 + random(number - 10) : random(60),
    );
    const flat = await makeFamily(await lab.fresh('flat'), (number) => (number === 0 ? undefined : 0));
    const ask = <T>({ database }: Made, question: (family: Family) => T): T => database.snapshot(() => question(new Family(database)));
    const [first] = mixed.images;
    const most = mixed.images
      .slice(0, 10)
      .map((image) => ({ image, children: ask(mixed, (answers) => answers.children(image).length) }))
      .toSorted((a, b) => b.children - a.children)[0];
    try {
      return [
        { ours: times((round) => ask(mixed, (answers) => answers.parents(mixed.images[count - 1 - round * 7] ?? (first as Digest)))) },
        { ours: times(() => ask(mixed, (answers) => answers.children(most?.image ?? (first as Digest)))) },
        { ours: times(() => ask(mixed, (answers) => answers.descendants(most?.image ?? (first as Digest)))) },
        { ours: times(() => ask(mixed, (answers) => answers.descendants())) },
        { ours: times(() => ask(flat, (answers) => answers.children(flat.images[0] as Digest))) },
      ];
    } finally {
      await mixed.database.close();
      await flat.database.close();
    }
  },
};

interface Made {
  readonly database: Database;
  readonly images: readonly Digest[];
}

async function makeFamily(
  folder: string,
  parentOf: (number: number, random: (below: number) => number) => number | undefined,
): Promise<Made> {
  const place = new Place(join(folder, 'store'));
  makeFolders(place);
  const database = await Database.open(place, { actor: 'bench', now: () => new Date(), at: undefined });
  let state = 4711;
  const random = (below: number): number => (state = (state * 48271) % 2147483647) % below;
  const layersOf: { diffId: Digest; blob: Digest }[][] = [];
  const images: Digest[] = [];
  await database.transact(() => {
    for (let number = 0; number < count; number++) {
      const parent = parentOf(number, random);
      const below = parent === undefined ? [] : (layersOf[parent] ?? []);
      const own = Array.from({ length: 1 + random(5) }, (_, at) => ({
        diffId: digestOf(Buffer.from(`layer ${number} ${at}`)),
        blob: digestOf(Buffer.from(`blob ${number} ${at}`)),
      }));
      const layers = [...below, ...own].slice(0, 60);
      layersOf.push(layers);
      images.push(insertImage(database, number, layers));
    }
  });
  return { database, images };
}

function insertImage(database: Database, number: number, layers: readonly { diffId: Digest; blob: Digest }[]): Digest {
  const target = { mediaType: mediaTypes.ociManifest, digest: digestOf(Buffer.from(`image ${number}`)), size: 1000 };
  const config = { mediaType: mediaTypes.ociConfig, digest: digestOf(Buffer.from(`config ${number}`)), size: 1000 };
  const manifest: Manifest = {
    kind: 'manifest',
    mediaType: mediaTypes.ociManifest,
    config,
    layers: layers.map(({ blob }) => ({ mediaType: mediaTypes.ociLayerGzip, digest: blob, size: 1000 })),
  };
  insertManifest(database, target, manifest);
  insertSummary(database, target, config, { ...summarize(target, manifest, undefined), diffIds: layers.map(({ diffId }) => diffId) });
  database.run(
    'INSERT INTO image (digest, media_type, size, added) VALUES (?, ?, ?, ?)',
    target.digest,
    target.mediaType,
    target.size,
    number,
  );
  database.run(
    'INSERT INTO name (repo, tag, target, target_type, target_size, tagged) VALUES (?, ?, ?, ?, ?, ?)',
    `docker.io/library/image-${number}`,
    'latest',
    target.digest,
    target.mediaType,
    target.size,
    number,
  );
  return target.digest;
}

/** Processor time, as what else the machine does is no work of ours. */
function times(once: (round: number) => unknown): number[] {
  return Array.from({ length: rounds }, (_, round) => {
    const begun = process.cpuUsage();
    once(round);
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / 1000;
  });
}
