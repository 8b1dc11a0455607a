import { layerImage } from '../content/layer-image.ts';
import { checkWindowsEntry } from '../layers/windows.ts';
import type { Operation } from '../io/operation.ts';
import { applyChanges } from '../model/config-change.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { hostPlatform, type Platform } from '../model/platform.ts';
import { canonical, type Reference } from '../model/reference.ts';
import type { Host } from './host.ts';

export interface ImportOptions extends Operation {
  readonly reference?: Reference | undefined;
  readonly message?: string | undefined;
  /** Dockerfile instructions. */
  readonly changes?: readonly string[];
  readonly platform?: Platform | undefined;
}

/** Makes an image of one layer out of the tar of a root file system, packed or not. The layer is kept as it comes where an image may have it so. */
export async function importImage(
  host: Pick<Host, 'store' | 'now'>,
  tar: AsyncIterable<Uint8Array>,
  options: ImportOptions = {},
): Promise<Descriptor> {
  const platform = options.platform ?? hostPlatform();
  const config = applyChanges({}, options.changes ?? [], platform.os);
  await using ingest = await host.store.begin({ verb: 'import', signal: options.signal });
  const { message, signal } = options;
  const checkEntry = platform.os === 'windows' ? checkWindowsEntry : undefined;
  const root = await layerImage(ingest, tar, { platform, config, created: host.now(), message, checkEntry, signal });
  if (options.reference) await ingest.tag(root, canonical(options.reference));
  else await ingest.keep(root);
  return root;
}
