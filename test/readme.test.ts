/** The Japanese page for the first five minutes says the same commands as the English one. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');

test('the two READMEs have the same commands in the same order, up to the end of the first five minutes', () => {
  const english = commands('README.md', '## Commands');
  assert.ok(english.length > 30, `${english.length} commands were found`);
  assert.deepEqual(commands('README.ja.md'), english);
});

/** What is typed in the page's console blocks, without the remarks behind it. */
function commands(page: string, until?: string): readonly string[] {
  const text = readFileSync(join(root, page), 'utf8');
  const end = until === undefined ? text.length : text.indexOf(`\n${until}\n`);
  assert.notEqual(end, -1, `${page} has no ${until}`);
  return [...text.slice(0, end).matchAll(/^```console\n(.*?)^```$/gms)]
    .flatMap(([, block = '']) => block.split('\n'))
    .filter((line) => /^(\$|PS>) /.test(line))
    .map((line) => line.replace(/\s+# .*$/, ''));
}
