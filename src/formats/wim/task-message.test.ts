import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DecodeTask } from './decode-task.ts';
import { packTask, TaskParts, unpackTask } from './task-message.ts';

test('a task arrives as it was sent: steps of all codecs, solid ones, parts with and without sums and files', () => {
  const step = { file: 1, offset: 2 ** 40, packedSize: 5000, size: 2 ** 33, chunkSize: 32_768, firstChunk: 7, endChunk: 9, at: 12 };
  const file = { path: '/a/ä b', accessed: 1.5, written: -3.25, mode: 0o4755 };
  const task: DecodeTask = {
    size: 2 ** 21,
    steps: [
      { ...step, codec: 'xpress' },
      { ...step, codec: 'none', chunkSize: 0 },
      { ...step, codec: 'lzms', bounds: Float64Array.of(1, 2.5, 2 ** 45), name: 'solid resource at 208' },
      { ...step, codec: 'lzx' },
    ],
    parts: [
      { index: 0, at: 0, length: 3 },
      { index: 1, at: 3, length: 4, sha1: '1'.repeat(40), files: undefined },
      {
        index: 2,
        at: 7,
        length: 5,
        sha1: '2'.repeat(40),
        files: [
          { ...file, owner: undefined },
          { ...file, path: 'C:\\x', owner: { uid: 0, gid: 4_294_967_294 } },
        ],
      },
      { index: 3, at: 12, length: 0, sha1: '3'.repeat(40), files: [{ ...file, owner: undefined }] },
    ],
  };
  assert.deepEqual(unpackTask(structuredClone(packTask(task))), task);
  const parts = new TaskParts(packTask(task).parts);
  const target = Uint8Array.from({ length: 12 }, (_, at) => at);
  assert.deepEqual(
    Array.from({ length: parts.count }, (_, part) => [parts.index(part), [...parts.bytes(part, target)], parts.isChecked(part)]),
    task.parts.map(({ index, at, length, sha1 }) => [index, [...target.subarray(at, at + length)], sha1 !== undefined]),
  );
  assert.deepEqual(unpackTask(packTask({ size: 0, steps: [], parts: [] })), { size: 0, steps: [], parts: [] });
});
