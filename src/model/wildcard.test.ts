import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasWildcard, wildcard } from './wildcard.ts';

test('a pattern matches as PowerShell reads it, whatever the case', () => {
  for (const [pattern, text, expected] of [
    ['NanoServer', 'nanoserver', true],
    ['nano*', 'NanoServer', true],
    ['*server*', 'WindowsServerCore', true],
    ['*', '', true],
    ['?', '', false],
    ['n?n*', 'NanoServer', true],
    ['[a-n]*', 'NanoServer', true],
    ['[o-z]*', 'NanoServer', false],
    ['10.0.*', '10.0.10586.0', true],
    ['10.0.*', '10.01.0.0', false],
    ['a`*b', 'a*b', true],
    ['a`*b', 'axb', false],
    ['[]a]', ']', true],
    ['[a-]', '-', true],
    ['日*', '日本', true],
    ['', '', true],
    ['', 'a', false],
  ] as const)
    assert.equal(wildcard(pattern)(text), expected, `${pattern} on ${text}`);
});

test('what is a pattern is told from a plain name', () => {
  assert.deepEqual(['NanoServer', 'nano*', 'n?', '[n]ano', 'a`*b'].map(hasWildcard), [false, true, true, true, false]);
});

test('a set without an end is refused, and many stars take no time', () => {
  assert.throws(() => wildcard('[abc'), { code: 'invalid-argument', message: /not valid: \[abc/ });
  const start = performance.now();
  assert.equal(wildcard(`${'*a'.repeat(500)}b`)('a'.repeat(10_000)), false);
  assert.ok(performance.now() - start < 5000);
});
