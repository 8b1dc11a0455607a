import type { DecompressLimits } from '../formats/compression/limits.ts';
import type { TarLimits } from '../formats/tar/entry.ts';
import { syncFolder } from '../io/atomic-file.ts';
import type { Digest } from '../model/digest.ts';
import { inWorker } from './tree-workers.ts';

export interface LayerTreeOptions {
  /** The image's: `windows` holds the layer to the rules of Windows layers. */
  readonly os: string;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the blob that are read so far: from time to time, never backwards. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
  readonly limits?: { readonly tar?: Partial<TarLimits>; readonly decompress?: Partial<DecompressLimits> } | undefined;
}

/**
 * Makes the tree of a layer in an existing empty folder, in a worker: unpacks the blob (gzip, zstd, xz, bzip2 or plain), checks that its content is `diffId`, keeps it as the
 * file `pack` and indexes it. All is durable when it resolves. A folder in which it was killed holds no tree (`Tree.open` refuses it), and is to be thrown away, as after a failure.
 *
 * No path of the layer ever becomes one on the disk. What no layer may hold is refused all the same: see the throws.
 *
 * @returns bytes that the folder takes on the disk (a plain layer's pack is another name of the blob where the disk can do it), and the number of the tar's entries
 * @throws ImageError `invalid-content` for what is no tar, paths with `..`, hard links to what the layer has not, paths below what is no folder, and on Windows what
 *   `windows.ts` refuses and two names that differ by case; `digest-mismatch`; `too-large` past the limits; `disk-full`; `canceled`
 */
export async function makeLayerTree(
  blobFile: string,
  diffId: Digest,
  folder: string,
  { os, signal, onProgress, limits }: LayerTreeOptions,
): Promise<{ bytes: number; entries: number }> {
  const made = await inWorker('unpack', { blobFile, diffId, folder, os, limits }, { signal, onProgress });
  await syncFolder(folder);
  return made;
}
