import { ImageError } from '../../errors.ts';
import { together } from '../../io/concurrently.ts';
import { checkIntegrity } from './check-integrity.ts';
import { missingBlobHint, type BlobToDecode } from './decode-blobs.ts';
import type { ReadWimOptions, Wim } from './wim.ts';

export interface VerifyWimOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes that have been unpacked and found right, of how many. */
  readonly onProgress?: ((bytes: number, total: number) => void) | undefined;
}

export interface VerifiedWim {
  readonly images: number;
  readonly blobs: number;
  /** Unpacked. */
  readonly bytes: number;
  /** Files and folders of all images. */
  readonly entries: number;
  /** Whether the files have integrity tables: all that have them were compared. */
  readonly integrity: 'verified' | 'absent';
}

/**
 * Reads all of a WIM: integrity tables, the metadata of every image, every blob, of the files that it relies on too; and that every file of an image has its blobs.
 * @throws ImageError of the first thing that is wrong
 */
export async function verifyWim(wim: Wim, { signal, onProgress }: VerifyWimOptions = {}): Promise<VerifiedWim> {
  const { bootIndex, imageCount } = wim.header;
  if (bootIndex > imageCount)
    throw new ImageError(
      'invalid-content',
      `${wim.path}: the boot index is ${bootIndex} at offset 120, but there are ${imageCount} images`,
    );
  return await together(signal, async (scope) => {
    const integrity = Promise.all(wim.files.map(async (file) => await checkIntegrity(file, scope.signal)));
    // What both find is told by the blob: its error has the path of a file.
    integrity.catch(() => undefined);
    const [result] = await scope.all([verifyImages(wim, { signal: scope.signal, onProgress })]);
    return { ...(result as Omit<VerifiedWim, 'integrity'>), integrity: (await integrity).includes(true) ? 'verified' : 'absent' };
  });
}

async function verifyImages(wim: Wim, options: VerifyWimOptions): Promise<Omit<VerifiedWim, 'integrity'>> {
  await using workers = wim.startDecoding();
  let entries = 0;
  for (const { index } of wim.images) entries += await verifyTree(wim, index, { ...options, workers });
  const rows = wim.table.inFileOrder();
  let total = 0;
  for (const row of rows) total += wim.table.size(row);
  const all = function* (): Generator<BlobToDecode, void, undefined> {
    for (const row of rows) yield { blob: { sha1: wim.table.sha1(row), size: wim.table.size(row) }, row };
  };
  let bytes = 0;
  for await (const pieces of wim.decode(all(), { ...options, workers })) {
    for (const piece of pieces) bytes += piece.bytes.length;
    options.onProgress?.(bytes, total);
  }
  return { images: wim.images.length, blobs: rows.length, bytes, entries };
}

/** @returns how many files and folders the image has */
async function verifyTree(wim: Wim, index: number, options: ReadWimOptions): Promise<number> {
  let entries = 0;
  const tree = await wim.tree(index, options);
  for (const { path, node } of tree.walk()) {
    entries++;
    const { missing } = node;
    if (missing)
      throw new ImageError(
        'incomplete',
        `${wim.path}: blob ${missing.sha1} of ${JSON.stringify(`/${path}`)} in image ${index} is not in this file`,
        {
          hint: missingBlobHint,
          detail: { sha1: missing.sha1, path },
        },
      );
  }
  return entries;
}
