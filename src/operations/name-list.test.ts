import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NameList } from './name-list.ts';

test('names keep their order and their numbers, over many pieces and with places of metadata beyond 4 GiB', () => {
  const list = new NameList();
  const count = 10_000;
  for (let number = 0; number < count; number++) assert.equal(list.add(number % 7, { at: 2 ** 33 + number * 8 }, count - number), number);
  assert.equal(list.length, count);
  const values = list.values();
  assert.equal(values.length, count);
  for (let number = 0; number < count; number++) {
    assert.equal(list.folder(number), number % 7);
    assert.equal(list.place(number), 2 ** 33 + number * 8);
    assert.equal(list.value(number), count - number);
    assert.equal(values[number], count - number);
  }
});
