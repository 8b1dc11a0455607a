import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ListCache } from './list-cache.ts';

test('a list is made once for each question until something changes', async () => {
  let epoch = 'a';
  let made = 0;
  const cache = new ListCache(() => epoch);
  const ask = async (question: string): Promise<number> => JSON.parse(String(await cache.get(question, async () => ++made))) as number;
  assert.deepEqual([await ask('x'), await ask('x'), await ask('y'), await ask('x')], [1, 1, 2, 1]);
  epoch = 'b';
  assert.deepEqual([await ask('x'), await ask('x')], [3, 3]);
});

test('what was made while something changed is given once, and not kept', async () => {
  let epoch = 'a';
  const cache = new ListCache(() => epoch);
  const made = cache.get('x', async () => {
    epoch = 'b';
    return 'torn';
  });
  assert.equal(String(await made), '"torn"\n');
  assert.equal(String(await cache.get('x', async () => 'whole')), '"whole"\n');
});

test('an error is nobody else’s answer', async () => {
  const cache = new ListCache(() => 'a');
  await assert.rejects(cache.get('x', () => Promise.reject(new Error('no'))));
  assert.equal(String(await cache.get('x', async () => 1)), '1\n');
});

test('many large lists do not stay', async () => {
  const cache = new ListCache(() => 'a');
  let made = 0;
  const large = async (): Promise<string> => `${++made}${'x'.repeat(3 * 1024 * 1024)}`;
  for (const question of ['a', 'b', 'c', 'a']) await cache.get(question, large);
  assert.equal(made, 4);
  const before = made;
  await cache.get('huge', async () => 'x'.repeat(9 * 1024 * 1024));
  await cache.get('a', large);
  assert.equal(made, before, 'one that is too large takes the place of none');
});
