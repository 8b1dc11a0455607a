import { ImageError } from '../errors.ts';
import { Slots, together } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import { readVerified } from '../io/verified.ts';
import { maxConfigBytes, parseConfig } from '../model/config.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { maxManifestBytes, parseManifest, type Manifest } from '../model/manifest.ts';
import { isImageConfigType, isLayerType, isManifestType } from '../model/media-types.ts';
import type { ImageSource } from './image-source.ts';
import { successors } from './successors.ts';

/**
 * That every image below `root` could be laid out: its config is one, and names as many layers as there are. Docker pulls no other. What only stands in an
 * image's clothes passes: an artifact (another type of config), and an image config over layers that are no file systems (attestations, signatures).
 * @throws ImageError `invalid-content`, `too-large`
 */
export async function requireImages(source: Pick<ImageSource, 'open'>, root: Descriptor, options: Operation = {}): Promise<void> {
  await together(options.signal, async ({ signal, all }) => {
    const slots = new Slots(4);
    const seen = new Set<string>();
    const visit = async (target: Descriptor): Promise<void> => {
      if (!isManifestType(target.mediaType) || seen.has(target.digest)) return;
      seen.add(target.digest);
      const document = await slots.run(async () => {
        const bytes = await readVerified(() => source.open(target, { signal }), target, maxManifestBytes);
        const read = parseManifest(bytes, target.mediaType);
        if (read.kind === 'manifest') await requireImage(source, target, read, signal);
        return read;
      });
      if (document.kind === 'index') await all(successors(document).map(visit));
    };
    await visit(root);
  });
}

async function requireImage(
  source: Pick<ImageSource, 'open'>,
  { digest }: Descriptor,
  { config, layers }: Manifest,
  signal: AbortSignal,
): Promise<void> {
  if (!isImageConfigType(config.mediaType)) return;
  const { diffIds } = parseConfig(await readVerified(() => source.open(config, { signal }), config, maxConfigBytes));
  const files = layers.filter(({ mediaType }) => isLayerType(mediaType)).length;
  if (files > 0 && diffIds.length !== files && diffIds.length !== layers.length)
    throw new ImageError('invalid-content', `number of layers and diffIDs don't match: ${files} != ${diffIds.length}`, {
      hint: `Nothing has been kept of ${digest}: its config is another image's, or broken. Whoever made it must push it again.`,
      detail: { digest, config: config.digest },
    });
}
