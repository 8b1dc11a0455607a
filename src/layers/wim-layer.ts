import type { Readable } from 'node:stream';
import { ImageError } from '../errors.ts';
import { type NewTarMember, writeTar, type WriteTarOptions } from '../formats/tar/write-tar.ts';
import type { WimBlob } from '../formats/wim/wim-entry.ts';
import { wimMembers } from './wim-member.ts';
import { type ReadBlob, type ReadBlobs, reparseData, type WimPlan } from './wim-plan.ts';
import { walkLayer, wholeEntry } from './wim-walk.ts';

export interface WimLayerOptions extends WriteTarOptions {
  /** Bytes of files that are in the tar so far, of `plan.bytes`. */
  readonly onBytes?: ((done: number) => void) | undefined;
}

/**
 * The layer of a WIM's trees as a tar. The same trees are the same bytes: nothing of the time, the machine, or the way the WIM is packed goes in.
 * @param read called once, with all that the tar needs in its order
 */
export function wimLayerTar(plan: WimPlan, read: ReadBlobs, options: WimLayerOptions = {}): Readable {
  return writeTar(members(plan, read, options), options);
}

async function* members(plan: WimPlan, read: ReadBlobs, { onBytes }: WimLayerOptions): AsyncGenerator<NewTarMember, void, undefined> {
  const { os, links } = plan;
  const blobs = read(blobsOf(plan))[Symbol.asyncIterator]();
  let done = 0;
  const body = async (blob: WimBlob): Promise<ReadBlob['body'] | undefined> => {
    if (blob.size === 0) return undefined;
    const next = await blobs.next();
    if (next.done || next.value.blob.sha1 !== blob.sha1)
      throw new ImageError('internal', 'blobs came in another order than they were asked for');
    onBytes?.((done += blob.size));
    return next.value.body;
  };
  try {
    for (const { entry: node, path, linkTo, more = {} } of walkLayer(plan, links)) {
      const entry = wholeEntry(node);
      const { reparse: point, data } = entry;
      const reparse = point && (await reparseData(point, blobs));
      const made = wimMembers({ entry, path, os, reparse, linkTo, more });
      // The data of a link has no place in a tar. It was asked for before it was known that this is one.
      if (linkTo === undefined && (data?.size ?? 0) > 0 && made[0]?.body === undefined) await blobs.next();
      for (const { header, body: blob } of made) {
        if (blob === undefined) yield { entry: header };
        else yield { entry: { ...header, size: blob.size }, body: await body(blob) };
      }
    }
  } finally {
    await blobs.return?.();
  }
}

/** All that `members` reads, in its order. */
function* blobsOf(plan: WimPlan): Generator<WimBlob, void, undefined> {
  for (const { entry, linkTo } of walkLayer(plan, plan.links)) {
    if (linkTo !== undefined) continue;
    const { reparse, data, streams } = entry;
    if (reparse && reparse.data.size > 0) yield reparse.data;
    if (data && data.size > 0) yield data;
    if (plan.os === 'windows') for (const stream of streams) if (stream.data.size > 0) yield stream.data;
  }
}
