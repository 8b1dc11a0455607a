import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';

import { isImageError } from '../errors.ts';
import { refuseOddPath, typedPath } from './path-rules.ts';

test('ordinary Windows paths are written: drives, shares, long ones, names with spaces and dots', () => {
  for (const path of [
    'C:\\my images\\layout',
    'c:/images/a.b.tar',
    'D:\\',
    '\\\\server\\share$\\images.tar',
    '\\\\?\\C:\\deep\\er',
    'C:\\console\\null\\com\\com10\\contents\\aux-images',
    'C:\\.hidden\\a..b',
  ])
    refuseOddPath(path, 'win32');
});

test('what Windows takes for something else is refused, wherever it stands in the path', () => {
  for (const path of [
    'C:\\NUL',
    'C:\\images\\con',
    'C:\\aux\\layout',
    'C:\\images\\Com1.tar',
    'C:\\images\\lpt².tar.gz',
    'C:\\prn .txt',
    'C:\\conin$',
    'C:\\images\\layout:app',
    'C:\\images.tar:stream',
    'C:\\images\\layout.',
    'C:\\images \\layout',
    'C:\\images\\what?',
    'C:\\images\\<latest>',
    'C:\\images\\a\tb',
    '\\\\server\\share\\nul',
    '\\\\.\\pipe\\images',
  ])
    assert.throws(
      () => refuseOddPath(path, 'win32'),
      (error) => isImageError(error, 'invalid-argument') && error.message.includes(path),
      path,
    );
});

test('other systems allow every name', () => {
  for (const path of ['/dev/null', '/a:b', '/images.', '/con']) refuseOddPath(path, 'linux');
});

test('an address is no path to write to, and nothing else that has a colon is an address', () => {
  for (const typed of ['http://x/y', 'HTTPS://x/y.wim', 'file:///srv/store', 'docker://x/y', 'http:\\\\x\\y', 'svn+ssh://x'])
    assert.throws(
      () => typedPath('/work', typed),
      (error) => isImageError(error, 'invalid-argument') && error.message === `cannot write ${typed}: it is an address, not a path`,
      typed,
    );
  for (const typed of ['http:', 'a:b/c', 'c://images', './http://x', '//server/share', 'x/http://y', 'http:/x'])
    assert.equal(typedPath('/work', typed), resolve('/work', typed));
});
