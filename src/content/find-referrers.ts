import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import type { Index, Manifest } from '../model/manifest.ts';
import { ContentGraph } from './content-graph.ts';
import type { ImageSource } from './image-source.ts';

/** Who refers to what, among the manifests that a place's entries reach: for places that keep no such list. */
export type Referrers = ReadonlyMap<Digest, readonly Descriptor[]>;

/** Reads every manifest below `roots` once. What is not there is passed over: an index may name platforms that were left out. */
export async function walkReferrers(
  source: Pick<ImageSource, 'open'>,
  roots: readonly Descriptor[],
  operation: Operation = {},
): Promise<Referrers> {
  const graph = await ContentGraph.walk(source, async () => true, roots, operation);
  const found = new Map<Digest, Map<Digest, Descriptor>>();
  for (const root of roots)
    for (const { target, document } of graph.reachable(root)) {
      if (!document?.subject) continue;
      const referrers = found.get(document.subject.digest) ?? new Map<Digest, Descriptor>();
      found.set(document.subject.digest, referrers.set(target.digest, asReferrer(target, document)));
    }
  return new Map(
    [...found].map(([subject, referrers]) => [subject, [...referrers.values()].toSorted((a, b) => (a.digest < b.digest ? -1 : 1))]),
  );
}

/** As a registry lists it: distribution-spec, "Listing Referrers". */
export function asReferrer({ mediaType, digest, size }: Descriptor, document: Manifest | Index): Descriptor {
  const artifactType = document.artifactType ?? (document.kind === 'manifest' ? document.config.mediaType : undefined);
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(document.annotations ? { annotations: document.annotations } : {}),
  };
}
