import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { asImageError, ImageError, isImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import { lent } from '../io/lent.ts';
import type { Operation, Progress } from '../io/operation.ts';
import { mediaTypes } from '../model/media-types.ts';
import { isPassing, pause, Tries } from '../remote/retry.ts';
import type { CataloguePlace } from './catalogue-place.ts';
import { DownloadDraft, type Wanted } from './download-draft.ts';

/** A connection that brought this much was a good one: the count of failures starts again. */
const goodBytes = 64 * 1024;
/** How often a file may change on the server during one download, or a connection begin anew, before what it brings then counts for nothing. */
const mostRestarts = 5;
/** Milliseconds. */
const progressInterval = 100;

export interface DownloadFrom extends Wanted {
  readonly place: CataloguePlace;
  /** The file's name there. */
  readonly file: string;
}

/**
 * Brings a file of a catalogue to a path, verified by size and SHA-256 before it gets its name; what was there under it is replaced in one step.
 * A connection that breaks off is taken up where it broke; so is a download that was ended before, by a later one to the same path.
 * @param path absolute; its folder is there
 * @throws ImageError `disk-full` before the first byte; `size-mismatch`, `digest-mismatch` where the content is not what the catalogue says: nothing of it is kept then;
 *   `unavailable`, `not-found`, `conflict`, `canceled`: what is there is kept for the next try
 */
export async function download(from: DownloadFrom, path: string, operation: Operation = {}): Promise<void> {
  await using draft = await DownloadDraft.take(path, from, operation.signal);
  const isResumed = draft.size > 0;
  await refuseFullDisk(path, from.size - draft.size);
  const report = reporter(from, operation);
  try {
    await fetchRest(from, draft, operation, report);
    try {
      draft.verify();
    } catch (error) {
      if (!isResumed) throw error;
      // The first part may have been of another file: once more from the start.
      await draft.restart();
      await fetchRest(from, draft, operation, report);
      draft.verify();
    }
  } catch (error) {
    if (!isImageError(error, 'size-mismatch', 'digest-mismatch')) throw asImageError(error, `cannot save ${path}`);
    await draft.drop();
    throw new ImageError(error.code, `${from.place.address(from.file)}: ${error.message}`, {
      hint: 'The file was damaged or replaced, or the catalogue is wrong; nothing of it has been kept.',
      detail: error.detail,
      cause: error,
    });
  }
  await draft.finish();
  report('done');
}

type Report = (state: Progress['state'], more?: Pick<Progress, 'current' | 'delay'>) => void;

async function fetchRest(from: DownloadFrom, draft: DownloadDraft, operation: Operation, report: Report): Promise<void> {
  const tries = new Tries(from.place.retry);
  const restarts = draft.restarts;
  while (draft.size < from.size) {
    const before = draft.size;
    let failure: unknown;
    try {
      await fetchOnce(from, draft, operation, report);
      failure = new ImageError('unavailable', `${from.place.address(from.file)} ended after ${draft.size} of ${from.size} bytes`);
    } catch (error) {
      // The server has another, shorter file by now, or counts otherwise.
      if (isImageError(error, 'range-invalid') && draft.size > 0) await draft.restart();
      else if (!isPassing(error)) throw error;
      failure = error;
    }
    if (operation.signal?.aborted) throw canceled(operation.signal.reason);
    if (draft.size === from.size) break;
    if (draft.size - before >= goodBytes && draft.restarts - restarts <= mostRestarts) tries.again();
    const delay = tries.next(failure);
    if (delay === undefined) throw tries.givenUp(failure);
    report('retrying', { delay });
    await pause(delay, operation.signal);
  }
}

async function fetchOnce(from: DownloadFrom, draft: DownloadDraft, { signal }: Operation, report: Report): Promise<void> {
  const { offset, size, validator, bytes, close } = await from.place.open(
    from.file,
    { offset: draft.size, size: from.size, validator: draft.validator },
    { signal },
  );
  try {
    if (size !== undefined && size !== from.size)
      throw new ImageError('size-mismatch', `it has ${size} bytes, not the ${from.size} that the catalogue says`);
    if (offset !== draft.size) await draft.restart();
    await draft.keepValidator(validator);
    for await (const chunk of lent(bytes)) {
      if (signal?.aborted) throw canceled(signal.reason);
      await draft.append(chunk);
      report('copying', { current: draft.size });
    }
  } finally {
    close();
  }
}

/** At most ten times a second. */
function reporter({ sha256, size }: Wanted, { onProgress }: Operation): Report {
  const target = { mediaType: mediaTypes.bytes, digest: sha256, size };
  let last = -progressInterval;
  return (state, more = {}) => {
    const now = performance.now();
    if (state === 'copying' && now - last < progressInterval) return;
    last = now;
    onProgress?.({ target, state, ...more });
  };
}

/** As the provider: a twentieth of what is free stays free. @throws ImageError `disk-full` */
async function refuseFullDisk(path: string, needed: number): Promise<void> {
  let free: number;
  try {
    const { bavail, bsize } = await statfs(dirname(path));
    free = bavail * bsize;
  } catch {
    // A disk that does not say it: the write itself will.
    return;
  }
  if (needed <= free * 0.95) return;
  throw new ImageError('disk-full', 'Not enough space to save the file', {
    hint: `${path} needs ${needed} bytes more, and its disk has ${free} bytes free: make room, or choose another disk.`,
    detail: { path, needed, free },
  });
}
