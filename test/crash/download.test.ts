/** A download is killed in the middle: the next run goes on where it ended, and the file has its name only when it is whole. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { fileServer } from '../support/file-server.ts';
import { temporary } from '../support/temporary.ts';

const size = 24 * 1024 * 1024;

test('a download that was killed three times is gone on with by range, and ends with the right file', async (t) => {
  const [served, target] = [temporary(t, 'served'), temporary(t, 'target')];
  const bytes = randomBytes(size);
  writeFileSync(join(served, 'big.wim'), bytes);
  const sha256 = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  // Slowly enough to be killed in the middle: each answer stops after a part and stays open.
  let part: number | undefined = 5_000_000;
  const server = await fileServer(t, served, { stallAfter: () => part });
  const path = join(target, 'big.wim');
  const run = () => {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'download-process.ts'), server.url, 'big.wim', sha256, String(size), path],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
    return { child, ended };
  };
  const reached: number[] = [];
  for (let kill = 0; kill < 3; kill++) {
    const { child, ended } = run();
    const before = reached.at(-1) ?? 0;
    const isThere = () => existsSync(`${path}.part`) && statSync(`${path}.part`).size >= before + 4_000_000;
    while (!isThere() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill('SIGKILL');
    await ended;
    assert.equal(existsSync(path), false);
    assert.deepEqual(readdirSync(target).toSorted(), ['big.wim.part', 'big.wim.part.json']);
    reached.push(statSync(`${path}.part`).size);
  }
  part = undefined;
  const { ended } = run();
  await ended;
  assert.deepEqual(readdirSync(target), ['big.wim']);
  assert.ok(readFileSync(path).equals(bytes));
  const ranges = server.requests.map(({ headers }) => headers.range);
  assert.deepEqual(ranges, [undefined, ...reached.map((at) => `bytes=${at}-`)]);
  for (const { headers } of server.requests.slice(1)) assert.match(String(headers['if-range']), /^"/);
});
