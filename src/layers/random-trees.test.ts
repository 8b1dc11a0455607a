/**
 * Random layers and random changes, held against a model that does what the words say and nothing else: a map of paths, to which the entries of a tar are applied one by one.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Listed, tarOf, treeOf } from '../../test/support/make-tree.ts';
import { temporary } from '../../test/support/temporary.ts';
import { isImageError } from '../errors.ts';
import { changes } from './changes.ts';
import type { Tree } from './tree.ts';
import { Union } from './union.ts';
import { Upper } from './upper.ts';
import { layerTar } from './write-layer.ts';

/** What a name is: the same object under several names is a file of several names. */
interface Thing {
  readonly id: number;
  /** Of the changes, not of the layers below. */
  readonly isOwn: boolean;
  readonly isFolder: boolean;
  readonly text: string;
  mode: number;
}

let ids = 0;

type Act =
  | { readonly act: 'file' | 'folder'; readonly path: string; readonly mode: number; readonly text: string }
  | { readonly act: 'link'; readonly path: string; readonly to: string }
  | { readonly act: 'whiteout' | 'opaque'; readonly path: string };

class Model {
  /** False: changes of a container, where whiteouts mean nothing and what is below is copied up when it gets another name. */
  readonly isLayer: boolean;
  things = new Map<string, Thing>();
  /** Names that this layer has brought: whiteouts of its own do not speak of them. */
  brought = new Set<string>();

  /** Folders that this layer has gone through: they are there, and nothing is known of them but what is below. */
  ways = new Set<string>();

  constructor(isLayer: boolean) {
    this.isLayer = isLayer;
  }

  below(path: string): string[] {
    return [...this.things.keys()].filter((other) => other.startsWith(`${path}/`));
  }

  /** Takes away a name with all below it. */
  drop(path: string): void {
    for (const name of [path, ...this.below(path)]) {
      this.things.delete(name);
      this.brought.delete(name);
      this.ways.delete(name);
    }
  }

  /** Hides what the trees below have at a path, or below it. */
  hide(path: string, itself: boolean): void {
    for (const name of this.below(path)) {
      this.hideOne(name);
    }
    if (itself) this.hideOne(path);
  }

  hideOne(path: string): void {
    if (this.brought.has(path)) return;
    if (this.ways.has(path)) this.forget(path);
    else this.things.delete(path);
  }

  /** A folder on the way to what was brought, of which nothing is known any more. */
  forget(path: string): void {
    this.set(path, { isFolder: true, text: '', mode: 0o755 });
  }

  set(path: string, thing: Pick<Thing, 'isFolder' | 'text' | 'mode'>): void {
    this.things.set(path, { ...thing, id: ++ids, isOwn: !this.isLayer });
  }

  /** False where a layer may not do it. */
  way(path: string): boolean {
    const parts = path.split('/').slice(0, -1);
    for (let count = 1; count <= parts.length; count++) {
      const folder = parts.slice(0, count).join('/');
      const there = this.things.get(folder);
      if (there?.isFolder) {
        this.ways.add(folder);
        continue;
      }
      if (there && (!this.isLayer || this.brought.has(folder))) return false;
      this.drop(folder);
      this.forget(folder);
      this.ways.add(folder);
    }
    return true;
  }

  apply(act: Act): boolean {
    if (!this.way(act.act === 'opaque' ? `${act.path}/x` : act.path)) return false;
    const there = this.things.get(act.path);
    switch (act.act) {
      case 'whiteout':
        this.hide(act.path, true);
        return true;
      case 'opaque':
        this.hide(act.path, false);
        return true;
      case 'link': {
        let target = this.things.get(act.to);
        if (!target || target.isFolder || (this.isLayer && !this.brought.has(act.to))) return false;
        if (!this.isLayer && !target.isOwn) this.things.set(act.to, (target = { ...target, id: ++ids, isOwn: true }));
        if (target === this.things.get(act.path)) return true;
        this.drop(act.path);
        this.things.set(act.path, target);
        break;
      }
      case 'folder':
        if (there?.isFolder) there.mode = act.mode;
        else {
          this.drop(act.path);
          this.set(act.path, { isFolder: true, text: '', mode: act.mode });
        }
        break;
      case 'file':
        this.drop(act.path);
        this.set(act.path, { isFolder: false, text: act.text, mode: act.mode });
    }
    this.brought.add(act.path);
    return true;
  }

  copy(isLayer = this.isLayer): Model {
    const copy = new Model(isLayer);
    copy.brought = new Set(this.brought);
    copy.ways = new Set(this.ways);
    const same = new Map([...new Set(this.things.values())].map((thing) => [thing, { ...thing }]));
    copy.things = new Map([...this.things].map(([path, thing]) => [path, same.get(thing)!]));
    return copy;
  }

  shown(): string[] {
    const names = [...this.things.keys()].sort(byPath);
    const numbers = new Map<Thing, number>();
    return names.map((name) => {
      const thing = this.things.get(name)!;
      if (thing.isFolder) return `${name}/ ${thing.mode.toString(8)}`;
      if (!numbers.has(thing)) numbers.set(thing, numbers.size);
      return `${name} ${thing.mode.toString(8)} ${numbers.get(thing)} = ${thing.text}`;
    });
  }
}

function byPath(a: string, b: string): number {
  return a.replaceAll('/', '\0') < b.replaceAll('/', '\0') ? -1 : 1;
}

async function shown(union: Union): Promise<string[]> {
  const numbers = new Map<number, number>();
  const lines: string[] = [];
  for (const entry of union.walk()) {
    const mode = entry.mode.toString(8);
    if (entry.path === '') continue;
    if (entry.type === 'directory') lines.push(`${entry.path}/ ${mode}`);
    else {
      if (!numbers.has(entry.inode)) numbers.set(entry.inode, numbers.size);
      lines.push(`${entry.path} ${mode} ${numbers.get(entry.inode)} = ${Buffer.concat(await union.open(entry).toArray()).toString()}`);
    }
  }
  return lines;
}

function listed(act: Act): Listed {
  const slash = act.path.lastIndexOf('/') + 1;
  switch (act.act) {
    case 'file':
      return { path: act.path, text: act.text, mode: act.mode };
    case 'folder':
      return { path: `./${act.path}/`, type: 'directory', mode: act.mode };
    case 'link':
      return { path: act.path, type: 'hard-link', linkname: act.to };
    case 'whiteout':
      return `${act.path.slice(0, slash)}.wh.${act.path.slice(slash)}`;
    case 'opaque':
      return `${act.path}/.wh..wh..opq`;
  }
}

const path = fc.array(fc.constantFrom('a', 'b', 'ä'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const mode = fc.constantFrom(0o644, 0o755, 0o4711, 0o1777);
const thing = fc.record({
  act: fc.constantFrom('file', 'file', 'folder'),
  path,
  mode,
  text: fc.string({ maxLength: 5 }),
}) as fc.Arbitrary<Act>;
const link = fc.record({ act: fc.constant('link'), path, to: path }) as fc.Arbitrary<Act>;
const removal = fc.record({ act: fc.constantFrom('whiteout', 'whiteout', 'opaque'), path }) as fc.Arbitrary<Act>;
const layerActs = fc.array(fc.oneof({ weight: 5, arbitrary: thing }, { weight: 1, arbitrary: link }, { weight: 2, arbitrary: removal }), {
  maxLength: 12,
});
const changeActs = fc.array(
  fc.oneof(
    fc.array(fc.oneof({ weight: 5, arbitrary: thing }, { weight: 1, arbitrary: link }), { minLength: 1, maxLength: 5 }),
    path.map((removed) => ({ removed })),
  ),
  { maxLength: 6 },
);

/** The acts that a layer may do; the model has them all. */
function allowed(model: Model, acts: readonly Act[]): Act[] {
  model.brought.clear();
  model.ways.clear();
  return acts.filter((act) => {
    return model.copy().apply(act) && model.apply(act);
  });
}

test('random layers show what the model shows, and a layer with what may not be is refused', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(layerActs, { minLength: 1, maxLength: 4 }), async (layers) => {
      const model = new Model(true);
      const trees: Tree[] = [];
      for (const acts of layers) {
        const fine = allowed(model, acts);
        trees.push(await treeOf(t, fine.map(listed)));
        if (fine.length === acts.length) continue;
        await assert.rejects(treeOf(t, acts.map(listed)), (error) => isImageError(error, 'invalid-content'));
      }
      assert.deepEqual(await shown(new Union({ layers: trees, os: 'linux' })), model.shown());
    }),
    { numRuns: 60 },
  );
});

test('random changes show what the model shows; the list of them is the difference, and a layer of them makes it again', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(layerActs, { minLength: 1, maxLength: 2 }), changeActs, async (layers, steps) => {
      const model = new Model(true);
      const trees: Tree[] = [];
      for (const acts of layers) trees.push(await treeOf(t, allowed(model, acts).map(listed)));
      const upper = Upper.open(join(temporary(t, 'changes'), 'c'), new Union({ layers: trees, os: 'linux' }));
      const now = new Date(1000);
      let changed = model.copy(false);
      for (const step of steps) {
        if ('removed' in step) {
          const removing = upper.remove(`/${step.removed}`, { now });
          if (changed.things.has(step.removed)) await removing;
          else await assert.rejects(removing, { code: 'not-found' });
          changed.drop(step.removed);
          continue;
        }
        const next = changed.copy();
        const isFine = step.every((act) => next.apply(act));
        const extracting = upper.extract('/', chunks(await tarOf(step.map(listed))), { now });
        if (isFine) await extracting;
        else await assert.rejects(extracting, (error) => isImageError(error, 'invalid-content', 'invalid-argument'));
        if (isFine) changed = next;
      }
      assert.deepEqual(await shown(upper.union()), changed.shown());
      assert.deepEqual(
        [...changes(upper.union())].map(({ kind, path }) => `${kind} ${path}`),
        difference(model, changed),
      );
      const committed = await treeOf(t, Buffer.concat(await layerTar(upper.union()).toArray()));
      assert.deepEqual(await shown(new Union({ layers: [...trees, committed], os: 'linux' })), changed.shown());
      upper.close();
    }),
    { numRuns: 60 },
  );
});

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700);
}

/** What docker would list. */
function difference(before: Model, after: Model): string[] {
  const kinds = new Map<string, string>();
  for (const [path, thing] of after.things) {
    const old = before.things.get(path);
    if (!old) kinds.set(path, 'added');
    else if (thing.isFolder && old.isFolder ? thing.mode !== old.mode : thing.id !== old.id) kinds.set(path, 'modified');
  }
  for (const path of before.things.keys()) {
    const folder = path.includes('/') ? after.things.get(path.slice(0, path.lastIndexOf('/'))) : { isFolder: true };
    if (!after.things.has(path) && folder?.isFolder) kinds.set(path, 'deleted');
  }
  for (const path of kinds.keys()) {
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
      if (!kinds.has(path.slice(0, slash))) kinds.set(path.slice(0, slash), 'modified');
    }
  }
  return [...kinds.keys()].sort(byPath).map((path) => `${kinds.get(path)} /${path}`);
}
