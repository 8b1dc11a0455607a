import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { peer } from '../../../test/support/peers.ts';
import { type DecompressOptions, decompress } from './decompress.ts';
import type { Compression } from './detect.ts';

const text = Buffer.from('the quick brown fox jumps over the lazy dog; '.repeat(50) + 'A'.repeat(300));

/** `text` as the commands compress it. */
const samples = [
  ['xz', 'with CRC64', '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4An1AENdADoaCM52x+Xp1gc0w9EOv85V4aq94OSPmAHdjeUHVJ5lJV8nOmp+tNNJBVEjhN3ufQED14fNmNsahRNFxwjL5O02/AAAAHEDq6Ro1T2eAAFf9hMAAABzM1W7scRn+wIAAAAABFla'],
  ['xz', 'with SHA-256', '/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4An1AENdADoaCM52x+Xp1gc0w9EOv85V4aq94OSPmAHdjeUHVJ5lJV8nOmp+tNNJBVEjhN3ufQED14fNmNsahRNFxwjL5O02/AAAAEB5vBZupP1CHxGO1ELA5HbdOfstLWDpqh3fLqdAnMbxAAF39hMAAAAotKpQtunfHAIAAAAAClla'],
  ['xz', 'with CRC32, in blocks that say their sizes', '/Td6WFoAAAFpIt42A8A/6AchARYAAAAAH0gH8uAD5wA3XQA6GgjOdsfl6dYHNMPRDr/OVeGqveDkj5gB3Y3lB1SeZSVfJzpqfrTTSQVRI4Td7n0BA8k4HagAAABEO6mVA8A+6AchARYAAAAAISPFHeAD5wA2XQAxHIojR/s6h4c3C/nDa/ZhETkRJE4+mltlYYo5ClRVk5DmuXDfFGfUcS+s/TnCnpCvb27MXwAAAACvNWqQA8A9pgQhARYAAAAAVEctbuACJQA1XQA1HUneswTpDqXpBhR+Os4sfcBPVU+uTlXCLVYI70mWvNa3t1q9sbZWawqdeGusNGBuqf1gAAAAAABc/txEAANT6AdS6AdRpgQAv4ZqDZvjUUADAAAAAAFZWg=='],
  ['bzip2', 'of one block', 'QlpoOTFBWSZTWbbYtWsAA7odgMAgAAggAD////AACDAA2AYwAAAABjAAAAABSqFAaDRppmpnopn8osIuSLCL3RaoskWqLzhcPpFlb+2d+os0XNFki5kWEWaLVF3IsItEXRFkizRbItUWiLii/kXdFoi5IuyLCLShdtkWyLipG6LdF0/xdyRThQkLbYtWsA=='],
] as const; // prettier-ignore
const filtered =
  '/Td6WFoAAATm1rRGAgEEACEBFgANhjUf4An1AENdADoaCM52x+Xp1gc0w9EOv85V4aq94OSPmAHdjeUHVJ5lJV8nOmp+tNNJBVEjhN3ufQED14fNmNsahRNFxwjL5O02/AAAAHEDq6Ro1T2eAAFf9hMAAABzM1W7scRn+wIAAAAABFla';

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function unfolded(compression: Compression, bytes: Uint8Array, size = 65_536, options?: DecompressOptions): Promise<Buffer> {
  return Buffer.concat(await decompress(cut(bytes, size), compression, options).toArray());
}

for (const [kind, what, base64] of samples) {
  const packed = Buffer.from(base64, 'base64');

  test(`${kind} ${what} is read, whole and byte by byte, once and twice in a row`, async () => {
    for (const size of [1, 7, 4096]) {
      assert.ok((await unfolded(kind, packed, size)).equals(text));
      assert.ok((await unfolded(kind, Buffer.concat([packed, packed]), size)).equals(Buffer.concat([text, text])));
    }
  });

  test(`${kind} ${what} that is cut off or damaged anywhere fails: it never hangs, and never gives other bytes for whole`, async () => {
    for (let at = 0; at < packed.length; at++) {
      await assert.rejects(unfolded(kind, packed.subarray(0, at)), { code: 'invalid-content' }, `cut at ${at}`);
      for (const flip of [0x01, 0x80]) {
        const damaged = Buffer.from(packed);
        damaged[at]! ^= flip;
        const result = await unfolded(kind, damaged).catch((error: unknown) => error);
        // bzip2's level may change, and the bits that fill its last byte
        if (Buffer.isBuffer(result)) assert.ok(result.equals(text) && kind === 'bzip2', `damaged at ${at}`);
        else
          assert.match(
            (result as { code: string }).code,
            /^(invalid-content|unsupported|too-large)$/,
            `damaged at ${at}: ${String(result)}`,
          );
      }
    }
  });

  test(`${kind} ${what} that is followed by something else is refused`, async () => {
    for (const rest of ['hello', '\0\0\0\0hello', '\0']) {
      await assert.rejects(unfolded(kind, Buffer.concat([packed, Buffer.from(rest)])), { code: 'invalid-content' }, rest);
    }
    await assert.rejects(unfolded(kind, Buffer.alloc(0)), { code: 'invalid-content' });
  });
}

test('xz streams may have zeros between and behind them, in fours', async () => {
  const packed = Buffer.from(samples[0][2], 'base64');
  const padded = Buffer.concat([packed, Buffer.alloc(8), packed, Buffer.alloc(400)]);
  for (const size of [3, 4096]) assert.ok((await unfolded('xz', padded, size)).equals(Buffer.concat([text, text])));
  await assert.rejects(unfolded('xz', Buffer.concat([packed, Buffer.alloc(6)])), { code: 'invalid-content' });
});

test('xz with a filter for machine code is refused with what to do', async () => {
  await assert.rejects(unfolded('xz', Buffer.from(filtered, 'base64')), { code: 'unsupported', hint: /xz -d/ });
});

for (const [kind, runs] of [
  [
    'xz',
    [
      ['-0'],
      ['-6'],
      ['-9'],
      ['-1', '--check=none'],
      ['-1', '--block-size=100KiB'],
      ['--lzma2=preset=1,lc=0,lp=4,pb=0,dict=4KiB'],
      ['--lzma2=preset=1,lc=1,lp=2,pb=4'],
    ],
  ],
  ['bzip2', [['-1'], ['-9']]],
] as const) {
  const program = peer(kind);

  test(`what the ${kind} command makes of many kinds of data is read`, { skip: program.skip }, async () => {
    const mixed = Buffer.concat(
      Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? randomBytes(90_000) : Buffer.alloc(i * 40_000, text.subarray(0, 40 * i + 1)))),
    );
    const inputs = [
      Buffer.alloc(0),
      Buffer.from('x'),
      Buffer.alloc(3_000_000),
      mixed,
      Buffer.from('a'.repeat(259) + 'b'.repeat(260) + 'aaaab'),
    ];
    for (const args of runs) {
      for (const input of inputs) {
        const packed = execFileSync(kind, ['-c', ...args], { input });
        assert.ok((await unfolded(kind, packed, 10_000)).equals(input), `${args.join(' ')} of ${input.length} bytes`);
      }
    }
  });

  test(`a ${kind} bomb is left, and not much of it comes through`, { skip: program.skip }, async () => {
    const bomb = execFileSync(kind, ['-c', '-9'], { input: Buffer.alloc(30e6) });
    let length = 0;
    const read = async () => {
      for await (const chunk of decompress(cut(bomb, 65_536), kind, { limits: { ratio: 100, ratioFrom: 5e6 } })) length += chunk.length;
    };
    await assert.rejects(read(), { code: 'too-large', message: /bomb/ });
    assert.ok(length < 10e6);
  });
}

test('an xz window beyond 128 MiB is refused by name', { skip: peer('xz').skip }, async () => {
  const packed = execFileSync('xz', ['-c', '--lzma2=preset=0,dict=512MiB'], { input: text });
  await assert.rejects(unfolded('xz', packed), { code: 'too-large', message: /window of 536870912/ });
});
