import type { Operation } from '../io/operation.ts';
import { parseDescriptor, type Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import { ImageError } from '../errors.ts';
import { bareMediaType } from '../model/manifest.ts';
import { mediaTypes } from '../model/media-types.ts';
import { familiarName } from '../model/reference.ts';
import { answerError } from './answer-error.ts';
import { discard } from './body.ts';
import { listPages } from './list-pages.ts';
import { readReferrersTag } from './referrers-tag.ts';
import { repositoryUrl, scope, type RepositoryAccess } from './repository-access.ts';

const maxReferrers = 100_000;

/** What refers to a subject: by the registry's own list, or, where it keeps none, by the tag that clients keep in its place. */
export async function listReferrers(
  access: RepositoryAccess,
  subject: Digest,
  artifactType: string | undefined,
  options: Operation = {},
): Promise<readonly Descriptor[]> {
  const listed = await fromRegistry(access, subject, artifactType, options);
  const all = listed ?? (await readReferrersTag(access, subject, options));
  return artifactType === undefined ? all : all.filter((referrer) => referrer.artifactType === artifactType);
}

/** True where the registry keeps the lists itself. */
export async function keepsReferrers(access: RepositoryAccess, subject: Digest, options: Operation): Promise<boolean> {
  return (await fromRegistry(access, subject, undefined, options)) !== undefined;
}

/** Undefined where the registry does not know the question. */
async function fromRegistry(
  access: RepositoryAccess,
  subject: Digest,
  artifactType: string | undefined,
  options: Operation,
): Promise<readonly Descriptor[] | undefined> {
  const url = repositoryUrl(access.origin, `referrers/${subject}`);
  if (artifactType !== undefined) url.searchParams.set('artifactType', artifactType);
  const found: Descriptor[] = [];
  let unknown = false;
  const pages = listPages({
    transport: access.pull,
    url,
    scopes: scope(access.origin, 'pull'),
    headers: { accept: mediaTypes.ociIndex },
    purpose: 'pull',
    idle: access.idle,
    what: `referrers of ${subject}`,
    signal: options.signal,
    refuse: async (response) => {
      // 404 is the spec's word for "no such API"; others say it with 400, 405 or 501.
      if ([400, 404, 405, 501].includes(response.status)) {
        unknown = true;
        discard(response);
        return undefined;
      }
      return answerError(response, `cannot list what refers to ${subject} in ${familiarName(access.reference)}`, {
        anonymous: await access.anonymous(),
      });
    },
  });
  for await (const { document, response } of pages) {
    if (bareMediaType(response.headers['content-type'] ?? '') !== mediaTypes.ociIndex && !Array.isArray(document.manifests))
      return undefined;
    const manifests = document.manifests ?? [];
    if (!Array.isArray(manifests))
      throw new ImageError('protocol', `${url.host} answers the referrers of ${subject} with something that is no list`);
    for (const [index, entry] of manifests.entries()) found.push(parseDescriptor(entry, `manifests[${index}]`));
    if (found.length > maxReferrers) throw new ImageError('too-large', `${subject} has more than ${maxReferrers} referrers`);
  }
  return unknown ? undefined : found;
}
