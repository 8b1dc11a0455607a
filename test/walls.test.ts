import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { temporary } from './support/temporary.ts';
import { breaches } from './support/walls.ts';

test('the walls between the rooms hold', () => {
  assert.deepEqual(breaches(join(import.meta.dirname, '..')), []);
});

/** A tree of our shape with these files added. */
function planted(t: TestContext, files: Readonly<Record<string, string>>): string[] {
  const root = temporary(t, 'walls');
  const ground = {
    'src/errors.ts': 'export const a = 1;\n',
    'src/model/digest.ts': "import { a } from '../errors.ts';\n",
    'src/io/verified.ts': "import type { Digest } from '../model/digest.ts';\n",
    'src/store/image-store.ts': "import { verified } from '../io/verified.ts';\nimport { join } from 'node:path';\n",
    'src/operations/pull.ts': "import { ImageStore } from '../store/image-store.ts';\n",
    'src/frontends/cli/run.ts': "const { pull } = await import('../../operations/pull.ts');\n",
    'src/main/bay.ts': "import '../frontends/cli/run.ts';\nimport '../frontends/registry/door.ts';\n",
  };
  for (const [file, text] of Object.entries({ ...ground, ...files })) {
    mkdirSync(join(root, dirname(file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  return breaches(root);
}

test('a tree that keeps to the plan has no breach', (t) => {
  assert.deepEqual(planted(t, {}), []);
});

test('an upward import is named', (t) => {
  const found = planted(t, { 'src/io/slots.ts': "import {\n  ImageStore,\n  type Lease,\n} from '../store/image-store.ts';\n" });
  assert.equal(found[0], 'src/io/slots.ts (io) imports src/store/image-store.ts (store)');
  assert.match(found[1] ?? '', /^rooms in a circle: (io → store → io|store → io → store) /);
});

test('an upward import of nothing but a type is named', (t) => {
  const found = planted(t, { 'src/model/manifest.ts': "import type { Verified } from '../io/verified.ts';\n" });
  assert.equal(found[0], 'src/model/manifest.ts (model) imports src/io/verified.ts (io)');
});

test('a re-export upwards is named', (t) => {
  const found = planted(t, { 'src/model/all.ts': "export * from '../io/verified.ts';\n" });
  assert.equal(found[0], 'src/model/all.ts (model) imports src/io/verified.ts (io)');
});

test('a front end that imports another is named', (t) => {
  const found = planted(t, { 'src/frontends/registry/door.ts': "import { run } from '../cli/run.ts';\n" });
  assert.deepEqual(found, ['src/frontends/registry/door.ts (frontends/registry) imports src/frontends/cli/run.ts (frontends/cli)']);
});

test('a place that imports another is named', (t) => {
  const found = planted(t, { 'src/remote/client.ts': "import { ImageStore } from '../store/image-store.ts';\n" });
  assert.deepEqual(found, ['src/remote/client.ts (remote) imports src/store/image-store.ts (store)']);
});

test('a dynamic import upwards is named, in code and in a type', (t) => {
  assert.deepEqual(planted(t, { 'src/remote/client.ts': "const { pull } = await import('../operations/pull.ts');\n" }), [
    'src/remote/client.ts (remote) imports src/operations/pull.ts (operations)',
  ]);
  assert.deepEqual(planted(t, { 'src/remote/client.ts': "type Pull = import('../operations/pull.ts').Pull;\n" }), [
    'src/remote/client.ts (remote) imports src/operations/pull.ts (operations)',
  ]);
});

test('a worker started upwards is named', (t) => {
  const found = planted(t, { 'src/remote/client.ts': "new Worker(new URL('../operations/pull.ts', import.meta.url));\n" });
  assert.deepEqual(found, ['src/remote/client.ts (remote) imports src/operations/pull.ts (operations)']);
});

test('a computed import, an import from outside src/ and an unknown room are named', (t) => {
  const found = planted(t, {
    'src/remote/any.ts': 'await import(`../${name}.ts`);\n',
    'src/remote/test-door.ts': "import { temporary } from '../../test/support/temporary.ts';\n",
    'src/engine/start.ts': 'export const a = 1;\n',
  });
  assert.deepEqual(found, [
    'src/engine/start.ts is in engine, which is no room of the plan',
    'src/remote/any.ts imports a computed path, which no wall can hold',
    'src/remote/test-door.ts imports test/support/temporary.ts, which is outside src/',
  ]);
});

test('files and rooms that say nothing about what is inside are named', (t) => {
  const found = planted(t, {
    'src/model/types.ts': 'export type A = string;\n',
    'src/io/utils/pad.ts': 'export const pad = 1;\n',
    'src/store/leases.ts':
      'export class LeaseManager {}\nexport interface ILease {}\nexport interface Ingest {}\nexport type Id = string;\n',
  });
  assert.deepEqual(found, [
    'src/io/utils/pad.ts: "utils" does not say what is inside',
    'src/model/types.ts: "types" does not say what is inside',
    'src/store/leases.ts: LeaseManager is named for a habit, not for a thing',
    'src/store/leases.ts: ILease is named for a habit, not for a thing',
  ]);
});
