import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { isImageError } from '../errors.ts';
import { FileStream } from './file-stream.ts';

const folder = mkdtempSync(join(tmpdir(), 'bayplan-file-stream-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const bytes = randomBytes(3_000_000);
const path = join(folder, 'bytes');
writeFileSync(path, bytes);

class Slow extends Writable {
  readonly parts: Buffer[] = [];
  readonly #delay: number;
  constructor(delay: number) {
    super({ highWaterMark: 1000 });
    this.#delay = delay;
  }
  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    // Taken only when it is told to be written: a buffer that was used again too early would show.
    setTimeout(() => {
      this.parts.push(Buffer.from(chunk));
      callback();
    }, this.#delay);
  }
}

const isClosed = (file: number): boolean => {
  try {
    fstatSync(file);
    return false;
  } catch {
    return true;
  }
};

test('any part comes whole, as a stream, pumped and lent, and the file is closed', async () => {
  const part = fc.tuple(fc.nat(bytes.length), fc.nat(bytes.length)).map(([a, b]) => ({ start: Math.min(a, b), length: Math.abs(a - b) }));
  await fc.assert(
    fc.asyncProperty(part, fc.constantFrom('stream', 'pumped', 'lent'), async ({ start, length }, way) => {
      const file = openSync(path, 'r');
      const stream = new FileStream(file, { start, length });
      const parts: Buffer[] = [];
      if (way === 'pumped') {
        const sink = new Slow(0);
        await stream.pumpTo(sink);
        parts.push(...sink.parts);
      } else if (way === 'lent') for await (const chunk of stream.lent()) parts.push(Buffer.from(chunk));
      else for await (const chunk of stream) parts.push(chunk as Buffer);
      assert.ok(Buffer.concat(parts).equals(bytes.subarray(start, start + length)));
      await wait(5);
      assert.ok(isClosed(file));
    }),
    { numRuns: 20 },
  );
});

test('a slow reader gets what was read for it, though buffers are used again', async () => {
  const sink = new Slow(3);
  await new FileStream(openSync(path, 'r'), { start: 0, length: bytes.length }).pumpTo(sink);
  assert.ok(Buffer.concat(sink.parts).equals(bytes));
});

test('a reader that leaves ends the pump, and the file is closed', async () => {
  const file = openSync(path, 'r');
  const sink = new Slow(20);
  const pump = new FileStream(file, { start: 0, length: bytes.length }).pumpTo(sink);
  setTimeout(() => sink.destroy(), 30);
  await assert.rejects(pump, (error) => isImageError(error, 'canceled'));
  await wait(50);
  assert.ok(isClosed(file));
});

test('a file that became shorter is an error, not a short answer', async () => {
  const short = join(folder, 'short');
  for (const pumped of [false, true]) {
    writeFileSync(short, bytes);
    const writer = openSync(short, 'r+');
    ftruncateSync(writer, 1_500_000);
    closeSync(writer);
    const stream = new FileStream(openSync(short, 'r'), { start: 0, length: bytes.length });
    const all = pumped
      ? stream.pumpTo(new Slow(0))
      : (async () => {
          for await (const chunk of stream) assert.ok(chunk);
        })();
    await assert.rejects(all, (error) => isImageError(error, 'size-mismatch'));
  }
});

test('a signal ends it', async () => {
  for (const pumped of [false, true]) {
    const controller = new AbortController();
    const stream = new FileStream(openSync(path, 'r'), { start: 0, length: bytes.length, signal: controller.signal });
    const all = pumped
      ? stream.pumpTo(new Slow(20))
      : (async () => {
          for await (const chunk of stream) await wait(20, chunk);
        })();
    controller.abort();
    await assert.rejects(all);
  }
});

test('what is lent comes whole through the thread pool too, once reading in place is slow', async (t) => {
  const file = openSync(path, 'r');
  let clock = 0;
  // Each look at it is two milliseconds after the last: every read in place is a slow one.
  t.mock.method(performance, 'now', () => (clock += 2));
  const parts: Buffer[] = [];
  for await (const chunk of new FileStream(file, { start: 1, length: bytes.length - 1 }).lent()) parts.push(Buffer.from(chunk));
  assert.ok(Buffer.concat(parts).equals(bytes.subarray(1)));
  // Two reads, each between two looks; the others go another way.
  assert.equal(clock, 8);
});

test('a file that becomes shorter while it is lent is an error', async () => {
  const short = join(folder, 'short');
  writeFileSync(short, bytes);
  const file = openSync(short, 'r+');
  let lent = 0;
  await assert.rejects(
    async () => {
      for await (const chunk of new FileStream(file, { start: 0, length: bytes.length }).lent()) {
        if (lent === 0) ftruncateSync(file, 1_000_000);
        lent += chunk.length;
      }
    },
    (error) => isImageError(error, 'size-mismatch'),
  );
  assert.equal(lent, 1_000_000);
});
