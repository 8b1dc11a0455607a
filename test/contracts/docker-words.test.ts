/**
 * What docker 28.5 says of lines that it refuses, and its exit codes: recorded from its client and a daemon with the containerd store.
 * Ours says the same; where docker names the daemon we say `Error:`, and a hint of ours may follow.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { run } from '../../src/frontends/cli/run.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { makeBase } from '../support/base-image.ts';
import { memoryTerminal } from '../support/memory-terminal.ts';
import { temporary } from '../support/temporary.ts';

const rows = JSON.parse(readFileSync(join(import.meta.dirname, 'docker-words.json'), 'utf8')) as [
  line: string,
  says: string,
  code: number,
][];

test('a line that docker refuses is refused in its words, with its exit code', { skip: process.platform === 'win32' }, async (t) => {
  const home = temporary(t, 'words');
  const env = { BAY_HOME: home };
  const store = await ImageStore.open(join(home, 'store'));
  await makeBase(store);
  await makeBase(store, { name: 'img:2', changes: ['ENTRYPOINT ["/e"]', 'CMD ["c1", "c2"]', 'HEALTHCHECK --interval=5s CMD true'] });
  await makeBase(store, { name: 'none:1', changes: [] });
  await store.close();
  const type = async (line: string) => {
    const terminal = memoryTerminal({ env, cwd: home });
    const code = await run(line.split(' '), terminal);
    return { code, said: terminal.err };
  };
  assert.equal((await type('create --name rich --memory 200m --memory-swap 300m base:1')).code, 0);
  assert.equal((await type('volume create vol')).code, 0);
  assert.ok(rows.length >= 110);
  for (const [line, says, code] of rows) {
    const ended = await type(line);
    const [said = ''] = ended.said
      .replace(/^Hint: .*\n/gm, '')
      .replace(/[0-9a-f]{64}/g, '<ID>')
      .trimEnd()
      .split('\n\n');
    assert.deepEqual({ said, code: ended.code }, { said: says, code }, `bay ${line}`);
  }
  const terminal = memoryTerminal({ env });
  await run(['ps', '-a', '--format', '{{.Names}}'], terminal);
  assert.equal(terminal.out, 'rich\n', 'nothing of what was refused is there');
});

test('a size that is asked of an image is warned of in docker’s words, and the image is shown all the same', async (t) => {
  const home = temporary(t, 'words');
  const env = { BAY_HOME: home };
  const store = await ImageStore.open(join(home, 'store'));
  await makeBase(store);
  await store.close();
  const terminal = memoryTerminal({ env, cwd: home });
  assert.equal(await run(['inspect', '-s', '-f', '{{.Os}}', 'base:1'], terminal), 0);
  assert.deepEqual([terminal.err, terminal.out], ['WARNING: --size ignored for image\n', 'linux\n']);
});
