import { requireImages } from '../content/require-images.ts';
import { selectPlatform } from '../content/select-platform.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Platform } from '../model/platform.ts';
import { canonical, identifier, type Reference } from '../model/reference.ts';
import type { Host } from './host.ts';
import { keepSelection } from './keep-selection.ts';

export interface PullOptions extends Operation {
  /** Default: what this machine would run. */
  readonly platform?: Platform | undefined;
  /** Keeps the index whole, with every platform. */
  readonly allPlatforms?: boolean | undefined;
  /** Also signatures, SBOMs and whatever else refers to the image. */
  readonly referrers?: boolean | undefined;
}

export interface Pulled {
  /** What the name points at now. */
  readonly root: Descriptor;
  /** What the registry's name points at: `root`, or the index that it was chosen from. */
  readonly origin: Descriptor;
  /** False where the name pointed at the same before. */
  readonly changed: boolean;
}

/** Brings what a reference names into the store: an image, an index, an artifact. It gets its name as the last step. @throws ImageError `manifest-unknown`, `not-found`, `denied`, `unavailable` as the registry has it; `platform-not-found`; `invalid-content` for what calls itself an image and could be nobody's */
export async function pull(host: Pick<Host, 'store' | 'remote'>, reference: Reference, options: PullOptions = {}): Promise<Pulled> {
  const remote = host.remote(reference);
  const origin = await remote.resolve(identifier(reference), options);
  const selection = options.allPlatforms ? { root: origin, path: [] } : await selectPlatform(remote, origin, options);
  const { root } = selection;
  await using ingest = await host.store.begin({ verb: 'pull', shared: true, signal: options.signal });
  await keepSelection(remote, selection, ingest, options);
  await requireImages(ingest, root, options);
  const { moved } = await ingest.name(root, canonical(reference), { origin });
  return { root, origin, changed: moved };
}
