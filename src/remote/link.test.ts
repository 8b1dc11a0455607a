import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isImageError } from '../errors.ts';
import { nextPage } from './link.ts';

const from = new URL('https://registry.example/v2/a/tags/list?n=2');

test('the next page, relative or absolute, whatever stands around it', () => {
  assert.equal(nextPage('</v2/a/tags/list?n=2&last=b>; rel="next"', from)?.href, 'https://registry.example/v2/a/tags/list?n=2&last=b');
  assert.equal(nextPage('<https://registry.example/x>; rel=next', from)?.href, 'https://registry.example/x');
  assert.equal(nextPage('</first>; rel="first", </next>; title="a"; rel="next"', from)?.pathname, '/next');
  assert.equal(nextPage('<?last=c>; rel="next"', from)?.href, 'https://registry.example/v2/a/tags/list?last=c');
});

test('what stands in a link’s other parameters is no relation, and a relation may have several names', () => {
  assert.equal(
    nextPage('</a?last=x,y;z>; title="rel=\\"next\\", <evil>"; rel="prev next"', from)?.href,
    'https://registry.example/a?last=x,y;z',
  );
  assert.equal(nextPage('</a>; title="x; rel=next"; rel="prev"', from), undefined);
  assert.equal(nextPage('</a>; rel="nextish", </b>; rel="prev"; rel="next"', from), undefined);
  assert.equal(nextPage('</a>; title=plain; rel="next"; x="y"', from)?.pathname, '/a');
});

test('no next page is the end', () => {
  for (const header of [undefined, '', '</x>; rel="prev"', 'garbage <']) assert.equal(nextPage(header, from), undefined);
});

test('a page at another host, port or scheme is refused', () => {
  for (const target of ['https://evil.example/x', 'http://registry.example/x', 'https://registry.example:8443/x', '//evil.example/x'])
    assert.throws(
      () => nextPage(`<${target}>; rel="next"`, from),
      (error) => isImageError(error, 'insecure'),
      target,
    );
});
