import { ImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { isDigest } from '../model/digest.ts';
import { discard } from './body.ts';
import { pushError } from './remote-upload.ts';
import { repositoryUrl, scope, type RepositoryAccess } from './repository-access.ts';

export interface PutAnswer {
  /** True where the registry says by `OCI-Subject` that it keeps the list of the subject's referrers. */
  readonly keepsReferrers: boolean;
  /** True where it says by `OCI-Tag` that it has set the tag that came with the digest. */
  readonly tagged: boolean;
}

/** One PUT by tag or digest; `tag` is to be set together with a digest, which older registries do not know. */
export async function putManifest(
  access: RepositoryAccess,
  target: Descriptor,
  bytes: Uint8Array,
  name: string,
  options: Operation,
  tag?: string,
): Promise<PutAnswer> {
  const url = repositoryUrl(access.push, `manifests/${name}`);
  if (tag !== undefined) url.searchParams.set('tag', tag);
  const response = await access.push.transport({
    method: 'PUT',
    url,
    headers: { 'content-type': target.mediaType },
    body: bytes,
    scopes: scope(access.push, 'pull,push'),
    signal: options.signal,
    onRetry: (delay) => options.onProgress?.({ target, state: 'retrying', delay }),
  });
  if (response.status !== 201 && response.status !== 200 && response.status !== 202) throw await pushError(access, response);
  discard(response);
  const named = response.headers['docker-content-digest'];
  if (isDigest(named) && named.slice(0, 6) === target.digest.slice(0, 6) && named !== target.digest)
    throw new ImageError('protocol', `${access.push.host} stored the manifest as ${named} in place of ${target.digest}`, {
      hint: 'The registry has changed what was pushed.',
    });
  const tags = (response.headers['oci-tag'] ?? '').split(',').map((text) => text.trim());
  return { keepsReferrers: response.headers['oci-subject'] !== undefined, tagged: tag !== undefined && tags.includes(tag) };
}
