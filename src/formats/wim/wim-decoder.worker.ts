/** Decodes tasks into memory that the other thread shares: it says when one is done, and does not touch its target until it is given it again. */
import { parentPort, workerData } from 'node:worker_threads';
import { sentError } from '../../io/sent-error.ts';
import { DecoderMemory } from './chunk-decoder.ts';
import type { FromDecoder, ToDecoder, DecoderData } from './decode-ahead.ts';
import { DecodeError, TaskDecoder } from './decode-task.ts';
import { unpackTask } from './task-message.ts';

const port = parentPort!;
const { descriptors, size, targets, memory, module } = workerData as DecoderData;
const decoder = new TaskDecoder(descriptors, new DecoderMemory(size, targets, memory), module);

port.on('message', ({ task, target }: ToDecoder) => {
  let answer: FromDecoder = {};
  try {
    decoder.run(unpackTask(task), target);
  } catch (error) {
    const sent = sentError(error, 'a WIM file could not be decoded');
    answer = { error: error instanceof DecodeError ? { ...sent, index: error.index, file: error.file } : sent };
  }
  port.postMessage(answer);
});
