import assert from 'node:assert/strict';
import { test } from 'node:test';

import { keepEnd, planCopy, renamed, splitCopyOperand, splitEntry } from './copy-paths.ts';

const style = { windows: false };
const windows = { windows: true };

test('an operand is a container’s path unless it is absolute, has no colon, or begins with a dot', () => {
  assert.deepEqual(splitCopyOperand('c:/x', false), { container: 'c', path: '/x' });
  assert.deepEqual(splitCopyOperand('c:', false), { container: 'c', path: '' });
  assert.deepEqual(splitCopyOperand('/a:b', false), { path: '/a:b' });
  assert.deepEqual(splitCopyOperand('./a:b', false), { path: './a:b' });
  assert.deepEqual(splitCopyOperand('file', false), { path: 'file' });
  assert.deepEqual(splitCopyOperand('-', false), { path: '-' });
  assert.deepEqual(splitCopyOperand(String.raw`win:C:\data`, false), { container: 'win', path: String.raw`C:\data` });
  assert.deepEqual(splitCopyOperand(String.raw`C:\data`, true), { path: String.raw`C:\data` });
});

test('what is copied into what is as docker’s table says it', () => {
  const file = { path: '/src/f', exists: true, isFolder: false, style };
  const folder = { path: '/src/d', exists: true, isFolder: true, style };
  const content = { path: '/src/d/.', exists: true, isFolder: true, style };
  const at = (path: string, exists: boolean, isFolder = false) => ({ path, exists, isFolder, style });
  // a file
  assert.deepEqual(planCopy(file, at('/dst/new', false)), { folder: '/dst', rename: { from: 'f', to: 'new' } });
  assert.throws(() => planCopy(file, at('/dst/new/', false)), { message: 'no such directory' });
  assert.deepEqual(planCopy(file, at('/dst/old', true)), { folder: '/dst', rename: { from: 'f', to: 'old' } });
  assert.deepEqual(planCopy(file, at('/dst', true, true)), { folder: '/dst' });
  // a folder
  assert.deepEqual(planCopy(folder, at('/dst/new', false)), { folder: '/dst', rename: { from: 'd', to: 'new' } });
  assert.throws(() => planCopy(folder, at('/dst/file', true)), { message: 'cannot copy directory' });
  assert.deepEqual(planCopy(folder, at('/dst', true, true)), { folder: '/dst' });
  // its content
  assert.deepEqual(planCopy(content, at('/dst/new', false)), { folder: '/dst', rename: { from: '.', to: 'new' } });
  assert.deepEqual(planCopy(content, at('/dst', true, true)), { folder: '/dst' });
});

test('names in the tar are renamed at their beginning only', () => {
  assert.equal(renamed('d/x/d', { from: 'd', to: 'new' }), 'new/x/d');
  assert.equal(renamed('d', { from: 'd', to: 'new' }), 'new');
  assert.equal(renamed('dd/x', { from: 'd', to: 'new' }), 'dd/x');
  assert.equal(renamed('./x', { from: '.', to: 'new' }), 'new/x');
  assert.equal(renamed('/bin/x', { from: '', to: 'new' }), 'new/bin/x');
});

test('the end of a path that says what is meant stays, in either style', () => {
  assert.equal(keepEnd('/real', '/link/', style), '/real/');
  assert.equal(keepEnd('/real', '/link/.', style), '/real/.');
  assert.equal(keepEnd('/real', '.', style), '/real/.');
  assert.equal(keepEnd('/', './', style), '/');
  assert.deepEqual(splitEntry('/a/b/', style), { folder: '/a', base: 'b' });
  assert.deepEqual(splitEntry('/a/b/.', style), { folder: '/a/b', base: '.' });
  assert.deepEqual(splitEntry('/', style), { folder: '/', base: '/' });
  assert.deepEqual(splitEntry(String.raw`C:\Users\me`, windows), { folder: String.raw`C:\Users`, base: 'me' });
  assert.deepEqual(splitEntry('C:', windows), splitEntry('C:\\', windows));
  assert.deepEqual(splitEntry('C:.', windows).base, '.');
  assert.deepEqual(splitEntry('C:/Users/me/.', windows), { folder: String.raw`C:\Users\me`, base: '.' });
});
