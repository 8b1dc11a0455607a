import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { ImageError, isImageError } from '../errors.ts';
import { defaultRetry, isPassing, retryAfter, retryDelay, retrying } from './retry.ts';
import type { Transport, WireRequest, WireResponse } from './transport.ts';

const url = new URL('http://registry.example/v2/');
const response = (status: number, headers: Record<string, string> = {}): WireResponse => ({
  status,
  headers,
  url,
  body: Readable.from([]),
});
const quick = { tries: 4, base: 1, longest: 50, silence: 1000 };

function scripted(...answers: (WireResponse | Error)[]): { transport: Transport; asked: WireRequest[] } {
  const asked: WireRequest[] = [];
  return {
    asked,
    transport: async (request) => {
      asked.push(request);
      const answer = answers[asked.length - 1] ?? answers.at(-1);
      if (answer === undefined || answer instanceof Error) throw answer ?? new Error('no answer');
      return answer;
    },
  };
}

test('Retry-After is seconds or a date', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  assert.equal(retryAfter('7', now), 7000);
  assert.equal(retryAfter('0', now), 0);
  assert.equal(retryAfter('Thu, 01 Jan 2026 00:00:30 GMT', now), 30_000);
  assert.equal(retryAfter('Wed, 31 Dec 2025 23:59:00 GMT', now), 0);
  for (const text of ['99999999999', '9'.repeat(400)]) assert.equal(retryAfter(text, now), 1e12, text);
  for (const text of [undefined, '', 'soon', '-1', '1e9']) assert.equal(retryAfter(text, now), undefined, text);
});

test('waits grow, are jittered, and never pass the longest', () => {
  for (let done = 1; done < 12; done++) {
    const delay = retryDelay(undefined, done, defaultRetry) ?? 0;
    const middle = Math.min(250 * 2 ** (done - 1), 60_000);
    assert.ok(delay >= middle * 0.75 && delay <= middle * 1.25, `${done}: ${delay}`);
  }
});

test('a registry that asks for longer than anybody waits is not asked again', () => {
  assert.equal(retryDelay(response(429, { 'retry-after': '3600' }), 1, defaultRetry), undefined);
  assert.equal(retryDelay(response(429, { 'retry-after': '2' }), 1, defaultRetry), 2000);
});

test('429, 5xx and a broken connection pass; the answer after them counts', async () => {
  const broken = new ImageError('unavailable', 'reset', { detail: { reason: 'ECONNRESET' } });
  const { transport, asked } = scripted(response(503), broken, response(429, { 'retry-after': '0' }), response(200));
  const delays: number[] = [];
  const answer = await retrying(transport, quick)({ method: 'GET', url, onRetry: (delay) => delays.push(delay) });
  assert.equal(answer.status, 200);
  assert.equal(asked.length, 4);
  assert.equal(delays.length, 3);
});

test('tries are bounded: the last answer, or the last failure, comes out', async () => {
  const busy = scripted(response(500));
  assert.equal((await retrying(busy.transport, quick)({ method: 'HEAD', url })).status, 500);
  assert.equal(busy.asked.length, 4);
  const gone = scripted(new ImageError('unavailable', 'reset', { detail: { reason: 'ECONNRESET' } }));
  await assert.rejects(retrying(gone.transport, quick)({ method: 'GET', url }), (error) => isImageError(error, 'unavailable'));
  assert.equal(gone.asked.length, 4);
});

test('what has been given up says how often it was tried, and is repeated by nobody else', async () => {
  const gone = scripted(new ImageError('unavailable', 'reset', { detail: { reason: 'ECONNRESET' } }));
  const twice = retrying(retrying(gone.transport, quick), quick);
  await assert.rejects(twice({ method: 'GET', url }), /reset; given up after 4 tries$/);
  assert.equal(gone.asked.length, 4);
});

test('a host that says nothing is given up by the time that it took, not by the tries', async () => {
  const silent = new ImageError('unavailable', 'no answer', { detail: { reason: 'ETIMEDOUT', waited: 600 } });
  const { transport, asked } = scripted(silent);
  await assert.rejects(retrying(transport, quick)({ method: 'GET', url }), /given up after 2 tries \(1 s of silence\)$/);
  assert.equal(asked.length, 2);
});

test('what repetition would change, or not help, is tried once', async () => {
  const post = scripted(response(503));
  await retrying(post.transport, quick)({ method: 'POST', url });
  assert.equal(post.asked.length, 1);
  const stream = scripted(response(503));
  await retrying(stream.transport, quick)({ method: 'PUT', url, body: { open: async () => Readable.from([]) } });
  assert.equal(stream.asked.length, 1);
  const nobody = scripted(new ImageError('unavailable', 'refused', { detail: { reason: 'ECONNREFUSED' } }));
  await assert.rejects(retrying(nobody.transport, quick)({ method: 'GET', url }));
  assert.equal(nobody.asked.length, 1);
  assert.equal(isPassing(new ImageError('insecure', 'no')), false);
});

test('a wait ends with the signal', async () => {
  const controller = new AbortController();
  const { transport } = scripted(response(503));
  const waiting = retrying(transport, { ...defaultRetry, base: 60_000 })({
    method: 'GET',
    url,
    signal: controller.signal,
    onRetry: () => setImmediate(() => controller.abort()),
  });
  await assert.rejects(waiting, (error) => isImageError(error, 'canceled'));
});
