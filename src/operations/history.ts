import { Image, type HistoryRow } from '../content/image.ts';
import { selectPlatform } from '../content/select-platform.ts';
import type { Operation } from '../io/operation.ts';
import type { Digest } from '../model/digest.ts';
import type { Platform } from '../model/platform.ts';
import { familiar } from '../model/reference.ts';
import type { ImageRecord } from '../store/image-record.ts';
import type { Host } from './host.ts';

export interface HistoryStep extends HistoryRow {
  /** The image that this step ended: the asked one for the newest step, a known parent further down. */
  readonly id?: Digest;
  /** Familiar names of that image. */
  readonly tags: readonly string[];
}

/** How an image came to be, newest step first, with the images of this store that it was made from. */
export async function history(
  host: Pick<Host, 'store'>,
  name: string,
  options: Operation & { platform?: Platform | undefined } = {},
): Promise<readonly HistoryStep[]> {
  const { target } = await host.store.find(name);
  const { root } = await selectPlatform(host.store, target, options);
  const image = await Image.open(host.store, root, options);
  const parents = new Map<string, ImageRecord>();
  // Of an index and an image that is one of its platforms, the image is the parent.
  const isIndex = ({ platforms, target: at }: ImageRecord): boolean => platforms.every(({ manifest }) => manifest.digest !== at.digest);
  for (const record of (await host.store.images()).toSorted((a, b) => Number(isIndex(a)) - Number(isIndex(b))))
    for (const { diffIds } of record.platforms) if (diffIds.length > 0 && !parents.has(diffIds.join())) parents.set(diffIds.join(), record);
  const own = await host.store.image(target.digest);
  const rows = image.history;
  const diffIds = image.layers.map((layer) => layer.diffId);
  let left = diffIds.length;
  return rows.map((row, at): HistoryStep => {
    // A parent is named at the step that left its newest layer; steps above it that changed no file stay the child's.
    const parent = at > 0 && row.layer ? parents.get(diffIds.slice(0, left).join()) : undefined;
    if (row.layer) left--;
    const known = at === 0 ? own : parent?.target.digest === target.digest ? undefined : parent;
    return {
      ...row,
      ...(at === 0 ? { id: target.digest } : known ? { id: known.target.digest } : {}),
      tags: (known?.names ?? []).map(({ reference }) => familiar(reference)),
    };
  });
}
