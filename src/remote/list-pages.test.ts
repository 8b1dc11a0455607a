import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { isImageError } from '../errors.ts';
import { listNames } from './list-pages.ts';

/** The names of pages that a function makes from their numbers, each with a link to the next. */
function list(page: (at: number) => unknown) {
  let asked = 0;
  const names = listNames(
    {
      transport: async ({ url }) => {
        const body = JSON.stringify({ tags: page(asked++) });
        return {
          status: 200,
          url,
          headers: { link: `</v2/a/tags/list?last=${asked}>; rel="next"` },
          body: Readable.from([Buffer.from(body)]),
        };
      },
      url: new URL('https://registry.example/v2/a/tags/list'),
      scopes: [],
      idle: 1000,
      what: 'tags of a',
      refuse: async () => undefined,
    },
    'tags',
  );
  return { names, asked: () => asked };
}

test('pages that bring nothing new for ever end the list', async () => {
  for (const page of [[], null, ['a']]) {
    const { names, asked } = list(() => page);
    await assert.rejects(names, (error) => isImageError(error, 'protocol') && /without end/.test(error.message));
    assert.ok(asked() <= 110, `${asked()} pages were asked for`);
  }
});

test('a list is bounded in bytes, however few names it has', async () => {
  const name = 'x'.repeat(8 * 1024 * 1024);
  const { names, asked } = list((at) => [`${name}${at}`, `${name}${at}b`]);
  await assert.rejects(names, (error) => isImageError(error, 'too-large') && /bytes/.test(error.message));
  assert.ok(asked() < 20, `${asked()} pages were asked for`);
});

test('what a terminal would obey is no name', async () => {
  for (const name of ['\u001b]0;title\u0007', 'a\nb', 'a\u009b2J', '\u202ea'])
    await assert.rejects(
      list(() => ['good', name]).names,
      (error) => isImageError(error, 'protocol') && /no list of names/.test(error.message),
      JSON.stringify(name),
    );
});
