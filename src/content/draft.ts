import { randomBytes } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';

/**
 * Writes a file of a folder beside its place, then lets `place` rename it. It is gone when this has ended, whatever happened.
 * The bytes are asked for only when there is a file for them, and are then read until their end or until they are let go.
 * @throws ImageError `disk-full`, `permission`, `canceled`, and what the bytes fail with
 */
export async function writeDraft<T>(
  folder: string,
  bytes: () => Promise<AsyncIterable<Uint8Array>>,
  place: (draft: string) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const draft = join(folder, `.draft-${randomBytes(8).toString('hex')}`);
  try {
    const file = await open(draft, 'wx', 0o644);
    try {
      for await (const chunk of await bytes()) {
        if (signal?.aborted) throw canceled(signal.reason);
        for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    return await place(draft);
  } catch (error) {
    throw asImageError(error, `cannot write to ${folder}`);
  } finally {
    await rm(draft, { force: true });
  }
}
