import { ImageError } from '../errors.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Index, Manifest } from '../model/manifest.ts';

/**
 * What a manifest or index needs to be whole, in the document's order: config and layers, or manifests.
 * The one place that knows what points at what; `subject` is not among them, as it may be absent (image-spec manifest.md, `subject`).
 */
export function successors(document: Manifest | Index): readonly Descriptor[] {
  return document.kind === 'index' ? document.manifests : [document.config, ...document.layers];
}

/** Deeper than any image; a chain of indexes longer than this is made to exhaust whoever walks it. */
export const maxDepth = 12;

/** Whoever walks what successors name asks this of each, with how many indexes are above it. @throws ImageError `invalid-content` */
export function checkDepth(target: Descriptor, depth: number, most: number = maxDepth): void {
  if (depth > most) throw new ImageError('invalid-content', `${target.digest}: indexes are nested more than ${most} deep`);
}
