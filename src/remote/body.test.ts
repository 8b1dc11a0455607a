import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { readStart } from './body.ts';

test('an explanation that drips is taken as far as it came', async (t) => {
  const body = new PassThrough();
  const timer = setInterval(() => body.write(Buffer.alloc(2000, 120)), 10);
  t.after(() => clearInterval(timer));
  const start = await readStart({ status: 500, headers: {}, url: new URL('https://registry.example'), body }, 1_000_000, 200);
  assert.ok(start.length > 0 && start.length < 100_000, `${start.length} bytes`);
  assert.ok(body.destroyed);
});
