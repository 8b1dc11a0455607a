import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { digestOf } from '../model/digest.ts';
import { chainIds } from './chain.ts';

test('the chain ID of the lowest layer is its diff ID, of each other the digest of the chain below and its own', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((text) => digestOf(Buffer.from(text))) as [
    ReturnType<typeof digestOf>,
    ReturnType<typeof digestOf>,
    ReturnType<typeof digestOf>,
  ];
  const hash = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const ab = hash(`${a} ${b}`);
  assert.deepEqual(chainIds([a, b, c]), [a, ab, hash(`${ab} ${c}`)]);
  assert.deepEqual(chainIds([]), []);
});
