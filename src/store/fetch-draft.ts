import { setTimeout as sleep } from 'node:timers/promises';
import { isImageError, type ImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import { digestMismatch, sizeMismatch } from '../io/verified.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestAlgorithm } from '../model/digest.ts';
import { DraftFile } from './draft-file.ts';

/** How often a source that gives nothing more is asked again. */
const patience = 4;

/** What is worth another start of the count: a source that gives a byte a time would be asked for ever. */
const goodBytes = 1024 * 1024;

/**
 * Brings a piece's bytes into a sealed draft at `path`, going on from what is there. A source that breaks off is asked for the rest;
 * a draft that was gone on with and proves wrong is thrown away, and the whole asked for once.
 * On failure the draft stays for the next run, unless `keep` is false, its content is wrong, or the disk is full.
 */
export async function fetchDraft(
  path: string,
  target: Descriptor,
  open: (offset: number) => Promise<AsyncIterable<Uint8Array>>,
  { keep, signal, onProgress }: Operation & { readonly keep: boolean },
): Promise<void> {
  const algorithm = digestAlgorithm(target.digest);
  let draft = (await DraftFile.reopen(path, algorithm, { signal })) ?? (await DraftFile.create(path, algorithm));
  let continued = draft.size > 0;
  let failures = 0;
  let good = draft.size;
  try {
    for (;;) {
      const offset = draft.size;
      let wrong: ImageError | undefined;
      try {
        if (offset < target.size) await draft.append(await open(offset), target.size, signal);
        if (draft.size !== target.size) wrong = sizeMismatch(target, String(draft.size));
        else if (draft.digest() !== target.digest) wrong = digestMismatch(target, draft.digest());
      } catch (error) {
        if (isImageError(error, 'too-large')) wrong = sizeMismatch(target, `more than ${target.size}`);
        else {
          failures = draft.size - good >= goodBytes ? 1 : failures + 1;
          if (failures === 1) good = draft.size;
          if (!isImageError(error, 'unavailable') || failures > patience || draft.size === 0) throw error;
          continued = true;
          const delay = 250 * 2 ** failures;
          onProgress?.({ target, state: 'retrying', delay });
          await pause(delay, signal);
          continue;
        }
      }
      if (!wrong) break;
      if (!continued) throw wrong;
      continued = false;
      await draft.drop();
      draft = await DraftFile.create(path, algorithm);
      good = 0;
    }
  } catch (error) {
    if (keep && !isImageError(error, 'digest-mismatch', 'size-mismatch', 'disk-full')) await draft.close();
    else await draft.drop();
    throw error;
  }
  await draft.seal();
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal ? { signal } : {});
  } catch (error) {
    throw signal?.aborted ? canceled(signal.reason) : error;
  }
}
