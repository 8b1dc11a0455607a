import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { memoryTerminal, type MemoryTerminalOptions } from '../../../test/support/memory-terminal.ts';
import { ProgressRows } from './progress.ts';

/** What a terminal of `height` lines shows after these bytes: all lines that ever were, those scrolled away included. */
function screen(bytes: string, height: number): string[] {
  const lines = [''];
  let row = 0;
  let column = 0;
  for (const token of bytes.match(/\u001b\[\d*[A-Z]|\n|\r|[^\u001b\n\r]+/g) ?? []) {
    const [, count = '', action] = /^\u001b\[(\d*)([A-Z])$/.exec(token) ?? [];
    if (token === '\n') {
      row++;
      column = 0;
      if (row === lines.length) lines.push('');
    } else if (token === '\r') column = 0;
    else if (action === 'A') {
      row -= Number(count);
      assert.ok(row >= 0 && row > lines.length - 1 - height, `the cursor went above the screen: ${JSON.stringify(bytes)}`);
    } else if (action === 'K') lines[row] = '';
    else if (action === 'J') lines.splice(row, Infinity, (lines[row] ?? '').slice(0, column));
    else {
      assert.equal(action, undefined, token);
      lines[row] = (lines[row] ?? '').slice(0, column) + token;
      column += token.length;
    }
  }
  return lines;
}

function rows(options: MemoryTerminalOptions) {
  const terminal = memoryTerminal(options);
  return { terminal, progress: new ProgressRows(terminal) };
}

test('off a terminal each step is a line, and counts are left out', () => {
  const { terminal, progress } = rows({});
  progress.line('1: Pulling from library/x');
  progress.row({ id: 'aaa', status: 'Pulling fs layer' });
  progress.row({ id: 'aaa', status: 'Downloading', current: 5, total: 10 });
  progress.row({ id: 'aaa', status: 'Pull complete' });
  progress.line('Digest: sha256:abc');
  progress[Symbol.dispose]();
  assert.equal(terminal.out, '1: Pulling from library/x\naaa: Pulling fs layer\naaa: Pull complete\nDigest: sha256:abc\n');
});

test('on a terminal an id keeps its row, and a line closes the region', () => {
  const { terminal, progress } = rows({ isTTY: true, columns: 130 });
  progress.line('1: Pulling from library/x');
  progress.row({ id: 'aaa', status: 'Pulling fs layer' });
  progress.row({ id: 'bbb', status: 'Pulling fs layer' });
  progress.row({ id: 'aaa', status: 'Downloading', current: 1_234_567, total: 3_400_000 });
  progress.line('between');
  progress.row({ id: 'aaa', status: 'Pull complete' });
  progress.line('Status: done');
  assert.deepEqual(screen(terminal.out, 24), [
    '1: Pulling from library/x',
    'aaa: Downloading [==================>                                ]  1.235MB/3.4MB',
    'bbb: Pulling fs layer',
    'between',
    'aaa: Pull complete',
    'Status: done',
    '',
  ]);
});

test('a narrow terminal shows the counts alone, and never a line that wraps', () => {
  const shown = (columns: number, line: { current: number; total?: number }) => {
    const { terminal, progress } = rows({ isTTY: true, columns });
    progress.row({ id: 'aaa', status: 'Downloading', ...line });
    progress[Symbol.dispose]();
    return screen(terminal.out, 24)[0];
  };
  assert.equal(shown(80, { current: 1_234_567, total: 3_400_000 }), 'aaa: Downloading  1.235MB/3.4MB');
  assert.equal(shown(80, { current: 1_234_567 }), 'aaa: Downloading  1.235MB');
  assert.equal(shown(80, { current: 5000, total: 3000 }), 'aaa: Downloading      5kB');
  assert.equal(shown(12, { current: 5, total: 10 }), 'aaa: Downlo');
});

test('more rows than lines: the finished leave upwards, the rest are counted, and the end shows them all', async () => {
  const height = 6;
  const { terminal, progress } = rows({ isTTY: true, rows: height });
  const ids = Array.from({ length: 20 }, (_, index) => `layer${String(index).padStart(2, '0')}`);
  for (const id of ids) progress.row({ id, status: 'Pulling fs layer' });
  await sleep(120);
  assert.match(screen(terminal.out, height).at(-2) ?? '', /^… and 16 more$/);
  for (const id of ids.toReversed()) progress.row({ id, status: 'Pull complete' });
  progress[Symbol.dispose]();
  const lines = screen(terminal.out, height);
  assert.deepEqual(
    lines.slice(0, -1).toSorted(),
    ids.map((id) => `${id}: Pull complete`),
  );
  assert.equal(lines.at(-1), '');
});

test('many events are painted a few times, the last of them at the end', async () => {
  const { terminal, progress } = rows({ isTTY: true });
  for (let current = 1; current <= 1000; current++) progress.row({ id: 'aaa', status: 'Downloading', current, total: 1000 });
  await sleep(150);
  progress[Symbol.dispose]();
  assert.ok(terminal.out.split('\u001b[2K').length - 1 <= 3, terminal.out);
  assert.equal(screen(terminal.out, 24)[0], 'aaa: Downloading      1kB/1kB');
});

test('a window that was made narrower has wrapped the old rows, and they are still replaced', async () => {
  let columns = 130;
  const terminal = memoryTerminal({ isTTY: true });
  const progress = new ProgressRows({ ...terminal, columns: () => columns });
  progress.row({ id: 'aaa', status: 'Downloading', current: 1, total: 2 });
  columns = 50;
  await sleep(110);
  progress.row({ id: 'aaa', status: 'Pull complete' });
  progress[Symbol.dispose]();
  // The bar of 83 cells is two lines now.
  assert.match(terminal.out, /\u001b\[2A\r\u001b\[2Kaaa: Pull complete\n\u001b\[0J$/);
});
