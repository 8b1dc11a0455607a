import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { temporary } from '../support/temporary.ts';

/** Debian's nobody: rights to nothing. */
const nobody = 65_534;

for (const umask of ['022', '077'])
  test(
    `a user without any rights makes, changes and commits containers, with owners, modes, devices and capabilities kept: umask ${umask}`,
    { skip: process.platform === 'win32' && 'owners are Unix’s' },
    async (t) => {
      const folder = temporary(t, 'user');
      const isRoot = process.getuid?.() === 0;
      if (isRoot) chownSync(folder, nobody, nobody);
      chmodSync(folder, 0o755);
      const child = spawn(process.execPath, [join(import.meta.dirname, 'ordinary-user-process.ts'), join(folder, 'store'), umask], {
        ...(isRoot ? { uid: nobody, gid: nobody } : {}),
        env: { PATH: '/usr/bin:/bin', HOME: folder, TMPDIR: folder },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let out = '';
      let complaint = '';
      child.stdout.setEncoding('utf8').on('data', (part: string) => (out += part));
      child.stderr.setEncoding('utf8').on('data', (part: string) => (complaint += part));
      const code = await new Promise((resolve) => child.on('close', resolve));
      assert.equal(code, 0, complaint);
      assert.deepEqual(
        out
          .trim()
          .split('\n')
          .map((line) => line.replace('/ ', ' ').trim()),
        [
          'empty 755',
          'filled 555 file',
          'etc directory 755 0:0 0,0',
          'etc/closed directory 0 0:0 0,0',
          'etc/closed/file file 0 0:0 0,0',
          'etc/device character-device 666 0:0 1,3',
          'etc/labelled file 644 0:0 0,0 SCHILY.xattr.security.capability',
          'etc/owned file 4755 1234:5678 0,0',
        ],
      );
    },
  );
