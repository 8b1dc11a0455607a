import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attributesItem, attributesOf, unixDataItem, unixDataOf, wimItemTags } from './wim-items.ts';

test('UNIX data comes back, and what is cut is none', () => {
  const data = { uid: 4_000_000_000, gid: 1, mode: 0o104755, rdev: 0x103 };
  const item = unixDataItem(data);
  assert.deepEqual(unixDataOf([{ tag: 9, data: new Uint8Array(4) }, item]), data);
  assert.equal(unixDataOf([{ ...item, data: item.data.subarray(0, 15) }]), undefined);
  assert.equal(unixDataOf([]), undefined);
});

test('extended attributes come back; of a list that is cut, those before', () => {
  const attributes = ['user.a', 'security.capability'].map((name, flags) => ({
    name: Buffer.from(name),
    value: Buffer.from(`${name}\0value`),
    flags: flags * 0x80,
  }));
  const item = attributesItem(attributes);
  const shown = (items: Parameters<typeof attributesOf>[0]) =>
    attributesOf(items).map(({ name, value, flags }) => [Buffer.from(name).toString(), Buffer.from(value).toString(), flags]);
  const all = attributes.map(({ name, value, flags }) => [name.toString(), value.toString(), flags]);
  assert.deepEqual(shown([item]), all);
  assert.deepEqual(shown([{ ...item, data: item.data.subarray(0, -1) }]), all.slice(0, 1));
});

test('attributes as old versions of wimlib wrote them are read', () => {
  const one = (name: string, value: string) => {
    const head = Buffer.alloc(8);
    head.writeUInt16LE(name.length, 0);
    head.writeUInt32LE(value.length, 4);
    return Buffer.concat([head, Buffer.from(name + value), Buffer.alloc(-(name.length + value.length) & 3)]);
  };
  const found = attributesOf([{ tag: wimItemTags.oldAttributes, data: Buffer.concat([one('user.abc', 'x'), one('user.d', 'yy')]) }]);
  assert.deepEqual(
    found.map(({ name, value }) => [Buffer.from(name).toString(), Buffer.from(value).toString()]),
    [
      ['user.abc', 'x'],
      ['user.d', 'yy'],
    ],
  );
});
