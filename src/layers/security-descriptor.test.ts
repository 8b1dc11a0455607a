import assert from 'node:assert/strict';
import { test } from 'node:test';
import { securityDescriptor } from './security-descriptor.ts';
import { directoryDescriptor, fileDescriptor } from './windows.ts';

test('the bytes are those that Microsoft’s own layers carry for the same rules', () => {
  assert.equal(
    securityDescriptor(fileDescriptor).toString('base64'),
    'AQAEgBQAAAAkAAAAAAAAADAAAAABAgAAAAAABSAAAAAgAgAAAQEAAAAAAAUSAAAAAgBMAAMAAAAAABgA/wEfAAECAAAAAAAFIAAAACACAAAAABQA/wEfAAEBAAAAAAAFEgAAAAAAGACpABIAAQIAAAAAAAUgAAAAIQIAAA==',
  );
  assert.equal(
    securityDescriptor(directoryDescriptor).toString('base64'),
    'AQAEgBQAAAAkAAAAAAAAADAAAAABAgAAAAAABSAAAAAgAgAAAQEAAAAAAAUSAAAAAgCoAAcAAAAAAxgA/wEfAAECAAAAAAAFIAAAACACAAAAAxQA/wEfAAEBAAAAAAAFEgAAAAAAGAD/AR8AAQIAAAAAAAUgAAAAIAIAAAALFAAAAAAQAQEAAAAAAAMAAAAAAAMYAKkAEgABAgAAAAAABSAAAAAhAgAAAAIYAAQAAAABAgAAAAAABSAAAAAhAgAAAAIYAAIAAAABAgAAAAAABSAAAAAhAgAA',
  );
});

test('flags, rights of two letters and deny entries are understood', () => {
  const bytes = securityDescriptor('O:WDG:AUD:PAI(D;OICIIO;GRGW;;;BU)');
  assert.equal(bytes.readUInt16LE(2), 0x8000 | 0x1000 | 0x0400 | 0x0004);
  const dacl = bytes.readUInt32LE(16);
  assert.deepEqual([bytes[dacl + 8], bytes[dacl + 9], bytes.readUInt32LE(dacl + 12)], [1, 0x0b, 0xc000_0000]);
});

test('what is not understood is refused', () => {
  for (const sddl of [
    '',
    'O:BA',
    'O:XXG:SYD:',
    'O:BAG:SYD:(A;;ZZ;;;BA)',
    'O:BAG:SYD:(A;Q;FA;;;BA)',
    'O:BAG:SYD:(OA;;FA;;;BA)',
    'O:BAG:SYD:(A;;F;;;BA)',
    'O:BAG:SYD:(A;;FA;x;;BA)',
  ]) {
    assert.throws(() => securityDescriptor(sddl), { code: 'invalid-argument' }, sddl);
  }
});
