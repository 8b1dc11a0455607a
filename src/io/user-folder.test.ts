import assert from 'node:assert/strict';
import { homedir, userInfo } from 'node:os';
import { test } from 'node:test';
import { userFolder } from './user-folder.ts';

test(
  'the user’s folder is HOME, and where that is empty or relative what the system knows',
  { skip: process.platform === 'win32' },
  (t) => {
    const before = process.env['HOME'];
    t.after(() => {
      if (before === undefined) delete process.env['HOME'];
      else process.env['HOME'] = before;
    });
    process.env['HOME'] = '/home/of/somebody';
    assert.equal(userFolder(), '/home/of/somebody');
    for (const none of ['', 'relative']) {
      process.env['HOME'] = none;
      assert.equal(homedir(), none);
      assert.equal(userFolder(), userInfo().homedir);
    }
  },
);
