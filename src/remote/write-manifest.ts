import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { parseManifest } from '../model/manifest.ts';
import { putManifest } from './put-manifest.ts';
import { addToReferrersTag } from './referrers-tag.ts';
import type { RepositoryAccess } from './repository-access.ts';

/** Puts a manifest by its digest; one with a subject into that subject's list as well, where the registry keeps none itself (distribution-spec, "Pushing Manifests with Subject"). */
export async function writeManifest(
  access: RepositoryAccess,
  target: Descriptor,
  bytes: Uint8Array,
  options: Operation = {},
): Promise<void> {
  const document = parseManifest(bytes, target.mediaType);
  const { keepsReferrers } = await putManifest(access, target, bytes, target.digest, options);
  if (document.subject !== undefined && !keepsReferrers)
    await addToReferrersTag(access, document.subject, referrerDescriptor(target, document), options);
}

/** What a list of referrers says of a manifest (distribution-spec, "Listing Referrers"). */
function referrerDescriptor(target: Descriptor, document: ReturnType<typeof parseManifest>): Descriptor {
  const artifactType = document.artifactType ?? (document.kind === 'manifest' ? document.config.mediaType : undefined);
  return {
    mediaType: target.mediaType,
    digest: target.digest,
    size: target.size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(document.annotations === undefined ? {} : { annotations: document.annotations }),
  };
}
