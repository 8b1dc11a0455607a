import { copy } from '../content/copy.ts';
import { Image } from '../content/image.ts';
import { layerImage } from '../content/layer-image.ts';
import { selectPlatform } from '../content/select-platform.ts';
import { ImageError } from '../errors.ts';
import { checkWindowsEntry } from '../layers/windows.ts';
import type { Operation } from '../io/operation.ts';
import { applyChanges } from '../model/config-change.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Platform } from '../model/platform.ts';
import { canonical, type Reference } from '../model/reference.ts';
import type { Host } from './host.ts';

export interface AppendOptions extends Operation {
  readonly reference?: Reference | undefined;
  /** Of the base, where it has several. */
  readonly platform?: Platform | undefined;
  /** Dockerfile instructions on the base's settings. */
  readonly changes?: readonly string[];
  readonly createdBy?: string | undefined;
  readonly message?: string | undefined;
  readonly author?: string | undefined;
}

/** Makes a new image: a base's, with one more layer. The base is never changed. */
export async function append(
  host: Pick<Host, 'store' | 'now'>,
  base: string,
  tar: AsyncIterable<Uint8Array>,
  options: AppendOptions = {},
): Promise<Descriptor> {
  await using ingest = await host.store.begin({ verb: 'append', signal: options.signal });
  const { target } = await host.store.find(base);
  const { root } = await selectPlatform(host.store, target, options);
  await copy(host.store, root, ingest, { signal: options.signal });
  const image = await Image.open(host.store, root, options);
  const platform = image.config?.platform;
  if (!platform) throw new ImageError('invalid-argument', `${base} is not an image that a layer can lie on`);
  const config = applyChanges(image.config?.config ?? {}, options.changes ?? [], platform.os);
  const { createdBy, message, author, signal } = options;
  const checkEntry = platform.os === 'windows' ? checkWindowsEntry : undefined;
  const made = await layerImage(ingest, tar, {
    platform,
    config,
    created: host.now(),
    base: image,
    createdBy,
    message,
    author,
    checkEntry,
    signal,
  });
  if (options.reference) await ingest.tag(made, canonical(options.reference));
  else await ingest.keep(made);
  return made;
}
