import { copy, type CopyOptions } from '../content/copy.ts';
import type { ImageSource } from '../content/image-source.ts';
import type { Selection } from '../content/select-platform.ts';
import type { Ingest } from '../store/ingest.ts';

/** Brings what was selected of an image into the store, and the indexes on the way to it, which are its origin, by themselves. */
export async function keepSelection(
  source: ImageSource,
  { root, path }: Selection,
  ingest: Ingest,
  options: CopyOptions = {},
): Promise<void> {
  const { signal } = options;
  for (const index of path) await ingest.write(index, (offset) => source.open(index, { signal, offset }), { signal, sparse: true });
  await copy(source, root, ingest, options);
}
