import assert from 'node:assert/strict';
import { test } from 'node:test';

import { alignTabs, table } from './table.ts';

test('a column is as wide as its widest cell and three spaces, and at least ten', async () => {
  assert.equal(
    await table(
      ['REPOSITORY', 'TAG', 'IMAGE ID', 'SIZE'],
      [
        ['debian', '12', 'aaaaaaaaaaaa', '117MB'],
        ['registry.example/long', '<none>', 'bbbbbbbbbbbb', '1B'],
      ],
    ),
    `REPOSITORY              TAG       IMAGE ID       SIZE
debian                  12        aaaaaaaaaaaa   117MB
registry.example/long   <none>    bbbbbbbbbbbb   1B
`,
  );
});

test('an empty last cell leaves the padding of the one before', async () => {
  assert.equal(await alignTabs('NAME\tERROR\nlonger than ten\t\n'), 'NAME              ERROR\nlonger than ten   \n');
});

test('a line with fewer cells ends a column, as Go’s tabwriter has it', async () => {
  assert.equal(await alignTabs('aaaaaaaaaaaaaaaa\tb\tc\nplain\na\tb\tc'), 'aaaaaaaaaaaaaaaa   b         c\nplain\na         b         c');
  assert.equal(
    await alignTabs('a\tbbbbbbbbbbbbbbb\tc\na\tb\na\tb\tc'),
    'a         bbbbbbbbbbbbbbb   c\na         b\na         b         c',
  );
});

test('wide characters take two cells, marks none', async () => {
  const lines = await table(
    ['NAME', 'X'],
    [
      ['日本語イメージ', '1'],
      ['ｶﾞ', '2'],
      ['e\u0301👩‍👩‍👧', '3'],
      ['\u1112\u1161\u11ab', '4'],
    ],
  );
  assert.deepEqual(lines.split('\n'), [
    'NAME             X',
    '日本語イメージ   1',
    'ｶﾞ               2',
    'e\u0301👩‍👩‍👧              3',
    '\u1112\u1161\u11ab               4',
    '',
  ]);
});

test('what would move the cursor does not reach the terminal', async () => {
  assert.equal(await table(['A', 'B'], [['x\u001b[2J\ty\nz\u009b', 'b']]), 'A            B\nx\ufffd[2J y z\ufffd   b\n');
});

test('cells are cut so that the lines fit the terminal, the widest first', async () => {
  const rows = [
    ['name', 'd'.repeat(100), '5'],
    ['日'.repeat(20), 'short', '6'],
  ];
  const lines = (await table(['NAME', 'DESCRIPTION', 'STARS'], rows, { columns: 60 })).trimEnd().split('\n');
  assert.ok(
    lines.every((line) => line.length <= 60),
    lines.join('\n'),
  );
  assert.match(lines[1] ?? '', /^name +d+… {3}5$/);
  assert.equal(await table(['A'], [['x'.repeat(200)]], { columns: 20 }), `A\n${'x'.repeat(19)}…\n`);
  assert.equal(await table(['A'], [['x'.repeat(200)]]), `A\n${'x'.repeat(200)}\n`);
});

test('a terminal too narrow for the table is not waited for', async () => {
  assert.match(await table(['A', 'B', 'C'], [['x'.repeat(50), 'y'.repeat(50), 'z']], { columns: 5 }), /^A {12}B {12}C\n/);
});
