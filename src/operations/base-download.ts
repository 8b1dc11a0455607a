import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { download, type DownloadFrom } from '../catalog/download.ts';
import { openRegularFile } from '../content/regular-file.ts';
import { asImageError, isImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import { makeFolderPath } from '../io/make-folder-path.ts';
import type { Operation } from '../io/operation.ts';
import { digestFrom, digestHex } from '../model/digest.ts';

/** What nobody has gone on with for so long is not waited for any more. Milliseconds. */
const staleAfter = 7 * 24 * 60 * 60 * 1000;

/**
 * A file of a catalogue on this disk for as long as it is worked on. It is named by its content: what an earlier try has brought, or a part of it, is gone on with.
 * It goes when the work is done; where that failed for a reason that may pass, it stays for the next try, for a week.
 * @param folder absolute; made where it is not there
 */
export async function withDownload<T>(
  from: DownloadFrom,
  folder: string,
  ending: string,
  operation: Operation,
  work: (path: string) => Promise<T>,
): Promise<T> {
  try {
    makeFolderPath(folder, 0o700);
    await removeStale(folder);
  } catch (error) {
    throw asImageError(error, `cannot make ${folder}`);
  }
  const path = join(folder, `${digestHex(from.sha256)}${ending}`);
  if (!(await isThere(path, from, operation))) await download(from, path, operation);
  let keep = false;
  try {
    return await work(path);
  } catch (error) {
    const failure = asImageError(error, 'cannot install what was downloaded');
    keep = isImageError(failure, 'conflict', 'disk-full', 'canceled', 'lease-lost', 'unavailable', 'permission');
    throw failure;
  } finally {
    if (!keep) await rm(path, { force: true });
  }
}

async function isThere(path: string, { sha256, size }: DownloadFrom, { signal }: Operation): Promise<boolean> {
  const file = await openRegularFile(path);
  if (!file) return false;
  try {
    if ((await file.stat()).size !== size) return false;
    const hash = createHash('sha256');
    for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 1024 * 1024 })) {
      if (signal?.aborted) throw canceled(signal.reason);
      hash.update(chunk as Buffer);
    }
    return digestFrom('sha256', hash.digest('hex')) === sha256;
  } finally {
    await file.close();
  }
}

async function removeStale(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!/^[a-f0-9]{64}\.(?:wim|tar)(?:\.part(?:\.json(?:\.old)?)?)?$/.test(name)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > staleAfter) await rm(path, { force: true });
  }
}
