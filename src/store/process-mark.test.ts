import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { hasEnded, processMark } from './process-mark.ts';

test('a process that runs has not ended, one that was killed has', async () => {
  assert.equal(hasEnded(processMark()), false);
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const mark = processMark(child.pid);
  assert.equal(hasEnded(mark), false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(hasEnded(mark), true);
});

test(
  'an id that was used again is another process',
  { skip: process.platform !== 'linux' && 'only Linux says when a process began' },
  () => {
    const [where = '', pid = ''] = processMark().split('.');
    assert.equal(hasEnded(`${where}.${pid}.1`), true);
    assert.equal(hasEnded(`${where}.${pid}.1 of a request`), true);
  },
);

test('of a process elsewhere, or a mark that is none, nothing is said', () => {
  const [where = '', pid = '', start = ''] = processMark().split('.');
  const elsewhere = '0123456789abcdef';
  for (const mark of [`${elsewhere}.${pid}.${start}`, `${elsewhere}.999999999.1`, '', 'x', `${where}.-1.1`, `${where}.0.1`])
    assert.equal(hasEnded(mark), false, mark);
});
