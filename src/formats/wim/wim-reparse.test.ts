import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { linkOf, linkReparse, notFixed, reparseTags, unixLinkReparse, unixTarget } from './wim-reparse.ts';

test('a link of UNIX is a relative one, or one on drive C that is not to be made relative', () => {
  const relative = unixLinkReparse('../a\\b/c')!;
  assert.equal(relative.flags, 0);
  assert.deepEqual(linkOf(relative.tag, relative.data), { isMountPoint: false, substitute: '..\\a/b\\c', print: '..\\a/b\\c' });
  assert.equal(relative.data[8], 1);
  const absolute = unixLinkReparse('/etc/passwd')!;
  assert.equal(absolute.flags, notFixed);
  assert.deepEqual(linkOf(absolute.tag, absolute.data), {
    isMountPoint: false,
    substitute: '\\??\\C:\\etc\\passwd',
    print: 'C:\\etc\\passwd',
  });
});

test('a target of UNIX comes back as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }), (target) => {
      // What begins as names of devices do is not told from one.
      if (/^\\(?:\?\?|DosDevices|Device)\\/.test(target.replace(/[\\/]/g, '\\'))) return;
      const made = unixLinkReparse(target)!;
      assert.equal(unixTarget(linkOf(made.tag, made.data)!), target);
    }),
  );
  assert.equal(unixTarget(linkOf(reparseTags.symlink, unixLinkReparse('/')!.data)!), '/');
});

test('targets of Windows lose what stands for the drive or the device', () => {
  const target = (substitute: string) => unixTarget({ isMountPoint: false, substitute, print: '' });
  assert.equal(target('\\??\\D:\\a\\b'), '/a/b');
  assert.equal(target('\\DosDevices\\C:\\a'), '/a');
  assert.equal(target('\\Device\\HarddiskVolume1\\a'), '/a');
  assert.equal(target('\\??\\C:'), '/');
  assert.equal(target('..\\a'), '../a');
});

test('what is no link, is cut or leads out of its data is no link', () => {
  const made = linkReparse({ isMountPoint: true, substitute: '\\??\\C:\\a', print: 'C:\\a' }, false)!;
  assert.equal(made.tag, reparseTags.mountPoint);
  assert.equal(linkOf(0x8000_0017, made.data), undefined);
  assert.equal(linkOf(made.tag, made.data.subarray(0, 7)), undefined);
  assert.equal(linkOf(made.tag, made.data.subarray(0, -4)), undefined);
  const odd = Uint8Array.from(made.data);
  odd[2] = odd[2]! - 1;
  assert.equal(linkOf(made.tag, odd), undefined);
  assert.equal(linkReparse({ isMountPoint: false, substitute: 'x'.repeat(9000), print: '' }, true), undefined);
});
