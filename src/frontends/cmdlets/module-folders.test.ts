import assert from 'node:assert/strict';
import { test } from 'node:test';

import { moduleFolders } from './module-folders.ts';

const documents = (): string => String.raw`D:\Documents`;

test('elsewhere than on Windows there is one folder, where the XDG base directory specification has data', () => {
  assert.deepEqual(moduleFolders('CurrentUser', { HOME: '/home/a' }, 'linux'), ['/home/a/.local/share/powershell/Modules']);
  assert.deepEqual(moduleFolders('CurrentUser', { HOME: '/home/a', XDG_DATA_HOME: '/data' }, 'darwin'), ['/data/powershell/Modules']);
  assert.deepEqual(moduleFolders('CurrentUser', { HOME: '/home/a', XDG_DATA_HOME: 'data' }, 'linux'), [
    '/home/a/.local/share/powershell/Modules',
  ]);
  assert.deepEqual(moduleFolders('AllUsers', {}, 'linux'), ['/usr/local/share/powershell/Modules']);
});

test('on Windows each edition has its own, in the documents wherever they are', () => {
  assert.deepEqual(moduleFolders('CurrentUser', { USERPROFILE: String.raw`C:\Users\a` }, 'win32', documents), [
    String.raw`D:\Documents\PowerShell\Modules`,
    String.raw`D:\Documents\WindowsPowerShell\Modules`,
  ]);
  assert.deepEqual(moduleFolders('AllUsers', { ProgramFiles: String.raw`E:\Programs` }, 'win32', documents), [
    String.raw`E:\Programs\PowerShell\Modules`,
    String.raw`E:\Programs\WindowsPowerShell\Modules`,
  ]);
});

test('a PowerShell that starts bay knows where its own folder is', () => {
  const env = {
    USERPROFILE: String.raw`C:\Users\a`,
    PSModulePath: String.raw`c:\users\A\OneDrive\Dokumente\WindowsPowerShell\Modules\;C:\Program Files\WindowsPowerShell\Modules;C:\Windows\system32\WindowsPowerShell\v1.0\Modules`,
  };
  assert.deepEqual(moduleFolders('CurrentUser', env, 'win32', documents), [
    String.raw`D:\Documents\PowerShell\Modules`,
    String.raw`c:\users\A\OneDrive\Dokumente\WindowsPowerShell\Modules`,
  ]);
});
