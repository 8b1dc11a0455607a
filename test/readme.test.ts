/** The Japanese page for the first five minutes says the same commands as the English one, which names all that there are. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { commands as commandTable } from '../src/frontends/cli/commands.ts';
import { cmdlets } from '../src/frontends/cmdlets/table.ts';

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

test('the README names every command and every cmdlet', () => {
  const text = readFileSync(join(root, 'README.md'), 'utf8').replaceAll('\\|', '|');
  const named = new Set<string>();
  for (const [, span = ''] of text.matchAll(/`([^`\n]+)`/g))
    for (const part of span.split(', ')) {
      const [first = '', second = ''] = part.replace(/^bay /, '').split(' ');
      named.add(first);
      for (const word of second.split('|')) named.add(`${first} ${word}`);
    }
  const isNamed = (name: string) => named.has(name) || named.has(`${name.split(' ')[0]} …`);
  const missing = commandTable.filter(({ names, hidden }) => !hidden && !names.some(isNamed)).map(({ names }) => names[0]);
  assert.deepEqual(missing, ['help']);
  const lists = [...text.matchAll(/((?:[A-Z][a-z]+-, )*(?:[A-Z][a-z]+-))([A-Z]\w+)/g)];
  const listed = new Set(lists.flatMap(([, verbs = '', noun = '']) => verbs.split(', ').map((verb) => `${verb}${noun}`)));
  assert.deepEqual(
    cmdlets.map(({ name }) => name).filter((name) => !listed.has(name)),
    [],
  );
});
