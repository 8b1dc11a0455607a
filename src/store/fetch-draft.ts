import { isImageError, type ImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import { digestMismatch, sizeMismatch } from '../io/verified.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestAlgorithm } from '../model/digest.ts';
import { DraftFile } from './draft-file.ts';

/**
 * Brings a piece's bytes into a sealed draft at `path`, going on from what is there. A draft that was gone on with and proves wrong is
 * thrown away, and the whole asked for once. A source that breaks off is not asked again: it is the source that knows what is worth a repetition.
 * On failure the draft stays for the next run, unless `keep` is false, its content is wrong, or the disk is full.
 */
export async function fetchDraft(
  path: string,
  target: Descriptor,
  open: (offset: number) => Promise<AsyncIterable<Uint8Array>>,
  { keep, signal }: Pick<Operation, 'signal'> & { readonly keep: boolean },
): Promise<void> {
  const algorithm = digestAlgorithm(target.digest);
  let draft = (await DraftFile.reopen(path, algorithm, { signal })) ?? (await DraftFile.create(path, algorithm));
  let continued = draft.size > 0;
  try {
    for (;;) {
      const offset = draft.size;
      let wrong: ImageError | undefined;
      try {
        if (offset < target.size) await draft.append(await open(offset), target.size, signal);
        if (draft.size !== target.size) wrong = sizeMismatch(target, String(draft.size));
        else if (draft.digest() !== target.digest) wrong = digestMismatch(target, draft.digest());
      } catch (error) {
        if (!isImageError(error, 'too-large')) throw error;
        wrong = sizeMismatch(target, `more than ${target.size}`);
      }
      if (!wrong) break;
      if (!continued) throw wrong;
      continued = false;
      await draft.drop();
      draft = await DraftFile.create(path, algorithm);
    }
  } catch (error) {
    if (keep && !isImageError(error, 'digest-mismatch', 'size-mismatch', 'disk-full')) await draft.close();
    else await draft.drop();
    throw error;
  }
  await draft.seal();
}
