import { ImageError } from '../errors.ts';
import type { DecompressLimits } from '../formats/compression/limits.ts';
import type { TarLimits } from '../formats/tar/entry.ts';
import type { Digest } from '../model/digest.ts';

export interface LayerTreeOptions {
  /** The image's: `windows` holds the layer to the rules of Windows layers. */
  readonly os: string;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the blob that are read so far: from time to time, never backwards. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
  readonly limits?: { readonly tar?: Partial<TarLimits>; readonly decompress?: Partial<DecompressLimits> } | undefined;
}

/** Makes the tree of a layer in an existing empty folder. */
export async function makeLayerTree(
  blobFile: string,
  diffId: Digest,
  folder: string,
  options: LayerTreeOptions,
): Promise<{ bytes: number; entries: number }> {
  void [blobFile, diffId, folder, options];
  throw new ImageError('internal', 'being written');
}
