import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { digestOf } from '../../model/digest.ts';
import { AnswerCache } from './answer-cache.ts';
import { jsonAnswer } from './answer.ts';
import { ContentCache } from './content-cache.ts';

const answer = (text: string) => ({ ...jsonAnswer(200, text), lasting: true });

test('answers are forgotten at the first change, and one made before it is not kept', () => {
  let changes = 0;
  const cache = new AnswerCache(() => `${changes}`, 100_000);
  const before = cache.epoch();
  cache.put('/a', answer('a'), before);
  assert.ok(cache.get('/a'));
  changes++;
  assert.equal(cache.get('/a'), undefined);
  cache.put('/a', answer('old'), before);
  assert.equal(cache.get('/a'), undefined);
  cache.put('/a', answer('new'), cache.epoch());
  assert.ok(cache.get('/a'));
});

test('an answer is asked for again after a second, as links end by the clock', async () => {
  const cache = new AnswerCache(() => '', 100_000);
  cache.put('/a', answer('a'), cache.epoch());
  assert.ok(cache.get('/a'));
  await wait(1100);
  assert.equal(cache.get('/a'), undefined);
});

test('answers never take more than their memory', () => {
  const cache = new AnswerCache(() => '', 100_000);
  for (let at = 0; at < 1000; at++) cache.put(`/${at}`, answer('x'.repeat(1000)), cache.epoch());
  let kept = 0;
  for (let at = 0; at < 1000; at++) if (cache.get(`/${at}`)) kept++;
  assert.ok(kept > 10 && kept <= 50, String(kept));
  cache.put('/large', answer('x'.repeat(50_000)), cache.epoch());
  assert.equal(cache.get('/large'), undefined);
  cache.put(`/${'x'.repeat(2000)}`, answer('x'), cache.epoch());
  assert.equal(cache.get(`/${'x'.repeat(2000)}`), undefined);
});

test('content is loaded once for all who ask at once, and the least used goes first', async () => {
  const cache = new ContentCache(8000);
  const contents = Array.from({ length: 12 }, (_, at) => Buffer.alloc(900, at));
  let loads = 0;
  const get = (at: number) => {
    const bytes = contents[at] ?? assert.fail();
    return cache.get(digestOf(bytes), async () => {
      loads++;
      return bytes;
    });
  };
  await Promise.all([get(0), get(0), get(0)]);
  assert.equal(loads, 1);
  for (let at = 1; at < 12; at++) {
    await get(at);
    await get(0);
  }
  assert.equal(loads, 12, 'the first was used all the time, and stays');
  await get(1);
  assert.equal(loads, 13, 'the second was not');
});

test('a load that fails is tried again', async () => {
  const cache = new ContentCache(8000);
  const at = digestOf(Buffer.from('x'));
  await assert.rejects(cache.get(at, () => Promise.reject(new Error('no'))));
  assert.equal((await cache.get(at, async () => Buffer.from('x'))).toString(), 'x');
});
