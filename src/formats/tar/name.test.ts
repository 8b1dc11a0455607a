import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeName, encodeName } from './name.ts';

test('any bytes survive as a string', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.string({ unit: 'binary', maxLength: 20 }).map((text) => new TextEncoder().encode(text)),
  );
  fc.assert(fc.property(bytes, (name) => assert.deepEqual(Buffer.from(encodeName(decodeName(name))), Buffer.from(name))));
});

test('valid UTF-8 is the text that it says, and everything else is told apart from it', () => {
  assert.equal(decodeName(Buffer.from('Größe 🚢')), 'Größe 🚢');
  assert.equal(decodeName(Buffer.from('\ufeffx')), '\ufeffx');
  assert.equal(decodeName(Uint8Array.of(0x61, 0xff, 0x62)), 'a\udcffb');
  // UTF-8 of a surrogate is not UTF-8: each byte for itself
  assert.equal(decodeName(Uint8Array.of(0xed, 0xb3, 0xbf)), '\udced\udcb3\udcbf');
  assert.equal(decodeName(Uint8Array.of(0xc0, 0xaf)), '\udcc0\udcaf', 'an overlong slash is no slash');
});

test('half of a surrogate pair that stands for no byte cannot be written', () => {
  assert.throws(() => encodeName('a\ud83d'), { code: 'invalid-argument' });
  assert.throws(() => encodeName('a\udc7f'), { code: 'invalid-argument' });
});
