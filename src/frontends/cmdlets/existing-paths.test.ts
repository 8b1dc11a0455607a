import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { temporary } from '../../../test/support/temporary.ts';
import { existingPaths } from './existing-paths.ts';

test('a pattern is one of what was typed: brackets in the folder that it is typed in are its name', async (t) => {
  const cwd = join(temporary(t, 'paths'), 'in [a] b');
  mkdirSync(join(cwd, 'sub[2]'), { recursive: true });
  for (const name of ['w1.wim', 'w[1].wim', 'x.wim', 'sub[2]/y.wim']) writeFileSync(join(cwd, name), '');
  const found = async (typed: string) => (await existingPaths({ cwd }, typed)).map((path) => relative(cwd, path).replaceAll('\\', '/'));
  assert.deepEqual(await found('w*.wim'), ['w1.wim', 'w[1].wim']);
  assert.deepEqual(await found('[x].wim'), ['x.wim']);
  assert.deepEqual(await found('w[1].wim'), ['w[1].wim']);
  assert.deepEqual(await found('w`[1`].wim'), ['w[1].wim']);
  assert.deepEqual(await found('sub`[2`]/*.wim'), ['sub[2]/y.wim']);
  assert.deepEqual(await found('sub[2]/*'), ['sub[2]/y.wim']);
  assert.deepEqual(await found('not-yet.wim'), ['not-yet.wim']);
  assert.deepEqual(await found('.'), ['']);
  await assert.rejects(found('z*'), { message: /^Cannot find the path '.*z\*' because it does not exist$/ });
});
