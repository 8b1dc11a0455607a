import type { Descriptor } from '../model/descriptor.ts';
import type { Index, Manifest } from '../model/manifest.ts';

/**
 * What a manifest or index needs to be whole, in the document's order: config and layers, or manifests.
 * The one place that knows what points at what; `subject` is not among them, as it may be absent (image-spec manifest.md, `subject`).
 */
export function successors(document: Manifest | Index): readonly Descriptor[] {
  return document.kind === 'index' ? document.manifests : [document.config, ...document.layers];
}
