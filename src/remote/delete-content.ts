import { ImageError, isImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { parseManifest } from '../model/manifest.ts';
import { isManifestType } from '../model/media-types.ts';
import { familiar, familiarName, isTag } from '../model/reference.ts';
import { answerError } from './answer-error.ts';
import { discard } from './body.ts';
import { keepsReferrers } from './list-referrers.ts';
import { removeFromReferrersTag } from './referrers-tag.ts';
import { repositoryUrl, type RepositoryAccess } from './repository-access.ts';
import { fetchManifest } from './resolve-manifest.ts';

/** Removes one tag; what it pointed at stays. */
export async function untag(access: RepositoryAccess, tag: string, options: Operation = {}): Promise<void> {
  if (!isTag(tag)) throw new ImageError('invalid-reference', `${JSON.stringify(tag.slice(0, 160))} is not a tag`);
  await remove(access, `manifests/${tag}`, 'manifest-unknown', familiar({ ...access.reference, tag }), options);
}

/** Takes content out of the repository; a manifest with a subject also off the list that clients keep, where the registry keeps none. */
export async function deleteContent(access: RepositoryAccess, target: Descriptor, options: Operation = {}): Promise<void> {
  const name = `${familiarName(access.reference)}@${target.digest}`;
  if (!isManifestType(target.mediaType)) return remove(access, `blobs/${target.digest}`, 'blob-unknown', name, options);
  const subject = await subjectOf(access, target, options);
  await remove(access, `manifests/${target.digest}`, 'manifest-unknown', name, options);
  if (subject !== undefined && !(await keepsReferrers(access, subject.digest, options)))
    await removeFromReferrersTag(access, subject.digest, target.digest, options);
}

async function subjectOf(access: RepositoryAccess, target: Descriptor, options: Operation): Promise<Descriptor | undefined> {
  try {
    const { bytes } = await fetchManifest({ ...access, pull: access.push.transport, origin: access.push }, target.digest, options);
    return parseManifest(bytes, target.mediaType).subject;
  } catch (error) {
    // What cannot be read can still be deleted.
    if (isImageError(error, 'invalid-content', 'digest-mismatch', 'too-large')) return undefined;
    throw error;
  }
}

async function remove(
  access: RepositoryAccess,
  path: string,
  unknown: 'manifest-unknown' | 'blob-unknown',
  what: string,
  options: Operation,
): Promise<void> {
  const { push } = access;
  // Registries disagree whether deletion is `delete` or `*`; who may push is asked for too, as some count it so.
  const scopes = [`repository:${push.repository}:delete,pull,push`];
  const response = await push.transport({ method: 'DELETE', url: repositoryUrl(push, path), scopes, signal: options.signal });
  if (response.status === 202 || response.status === 200 || response.status === 204) {
    discard(response);
    return;
  }
  const detail = { status: response.status };
  throw await answerError(response, `cannot remove ${what}`, {
    anonymous: await access.anonymous(),
    say: (problem, status) => {
      if (status === 404) return new ImageError(unknown, `${what} is not there: ${problem.message}`, { detail });
      // A registry that takes only digests here says that a tag is no digest.
      if (status === 405 || problem.code === 'UNSUPPORTED' || (status === 400 && problem.code === 'DIGEST_INVALID'))
        return new ImageError('unsupported', `${push.host} does not remove ${what}: ${problem.message}`, {
          hint: 'Deletion is switched off there, or works by digest alone.',
          detail,
        });
      return undefined;
    },
  });
}
