import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { mediaTypes } from '../model/media-types.ts';
import { canonical, type Reference } from '../model/reference.ts';
import type { Host } from './host.ts';

/** Makes one name of several platforms' images that are here: an index of their manifests, in the given order. */
export async function makeIndex(
  host: Pick<Host, 'store'>,
  images: readonly string[],
  reference: Reference,
  options: Operation = {},
): Promise<Descriptor> {
  await using ingest = await host.store.begin({ verb: 'index', signal: options.signal });
  const manifests: Descriptor[] = [];
  for (const name of images) {
    const { target, root } = await host.store.find(name);
    const platform = (await host.store.image(root.digest))?.platforms.find(({ manifest }) => manifest.digest === target.digest)?.platform;
    await ingest.has(target, options);
    const { mediaType, digest, size } = target;
    manifests.push({ mediaType, digest, size, ...(platform ? { platform } : {}) });
  }
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  const index = await ingest.add(mediaTypes.ociIndex, Buffer.from(JSON.stringify(document)), options);
  await ingest.tag(index, canonical(reference));
  return index;
}
