/** A home with an image in it, and what must be true of it after whatever went wrong. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { canonical } from '../../src/model/reference.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { bay, type BayOptions } from '../support/bay.ts';
import { makeImage, putImage } from '../support/make-image.ts';
import type { Ended } from '../support/program.ts';
import { temporary } from '../support/temporary.ts';

export interface Refusal {
  /** Default 1. */
  readonly code?: number;
  readonly says: RegExp;
  readonly hint?: RegExp;
  readonly stdout?: RegExp;
}

export interface Home {
  readonly home: string;
  /** A folder for the test's files, beside the home. */
  readonly folder: string;
  readonly store: string;
  /** `bay ARGS…`, which must fail as told: one clear line, perhaps a hint, and no stack. */
  refuses(args: readonly string[], expected: Refusal, options?: Omit<BayOptions, 'home'>): Promise<Ended>;
  succeeds(args: readonly string[], options?: Omit<BayOptions, 'home'>): Promise<string>;
  /** Nothing lost and nothing half-named: the same names as in the beginning, and all bytes are what they should be. */
  intact(): Promise<void>;
}

export async function homeWithImage(t: Pick<TestContext, 'after'>, home?: string): Promise<Home> {
  const folder = temporary(t, 'hostile');
  const place = home ?? join(folder, 'home');
  const path = join(place, 'store');
  {
    await using store = await ImageStore.open(path);
    await using ingest = await store.begin();
    const image = await makeImage({ layers: ['kept'] });
    await putImage(ingest, image);
    await ingest.tag(image.target, 'docker.io/library/kept:1');
  }
  const options = { home: place, timeout: 60_000 };
  return {
    home: place,
    folder,
    store: path,
    async refuses(args, { code = 1, says, hint, stdout = /^$/ }, more = {}) {
      const ended = await bay(args, { ...options, ...more });
      const line = `bay ${args.join(' ')}\n${ended.stdout}${ended.stderr}`;
      assert.equal(ended.code, code, line);
      assert.match(ended.stderr, says, line);
      assert.match(ended.stdout, stdout, line);
      assert.doesNotMatch(ended.stderr, /^ {4}at |node:internal|\[object |undefined/m, line);
      if (hint) assert.match(ended.stderr, new RegExp(`^Hint: .*${hint.source}`, 'm'), line);
      return ended;
    },
    async succeeds(args, more = {}) {
      const ended = await bay(args, { ...options, ...more });
      assert.equal(ended.code, 0, `bay ${args.join(' ')}\n${ended.stdout}${ended.stderr}`);
      return ended.stdout;
    },
    async intact() {
      await using store = await ImageStore.open(path);
      assert.deepEqual(
        (await store.names()).map(({ reference }) => canonical(reference)),
        ['docker.io/library/kept:1'],
      );
      assert.equal((await store.images()).length, 1, 'nothing is listed without a name either');
      assert.deepEqual(await store.check(), []);
    },
  };
}
