import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultDockerSocket } from './home-folder.ts';

test(
  'the Docker door is in the runtime folder, or beside a home that was chosen, or where there is no such folder',
  { skip: process.platform === 'win32' ? 'Windows has pipes' : false },
  (t) => {
    const runtime = mkdtempSync(join(tmpdir(), 'bayplan-runtime-'));
    t.after(() => rmSync(runtime, { recursive: true }));
    assert.equal(defaultDockerSocket({ XDG_RUNTIME_DIR: runtime }), join(runtime, 'bayplan', 'docker.sock'));
    assert.equal(defaultDockerSocket({ XDG_RUNTIME_DIR: runtime, BAY_HOME: '/srv/bay' }), '/srv/bay/run/docker.sock');
    for (const none of [undefined, '', 'relative', join(runtime, 'not-there')])
      assert.match(defaultDockerSocket({ XDG_RUNTIME_DIR: none, XDG_DATA_HOME: '/data' }), /\/bayplan\/run\/docker\.sock$/, String(none));
  },
);
