import { ImageError } from '../../errors.ts';
import type { Repository } from '../../content/repository.ts';
import { readBytes, readVerified } from '../../io/verified.ts';
import { once } from '../../io/once.ts';
import type { Descriptor } from '../../model/descriptor.ts';
import { digestAlgorithm, digestOf, parseDigest } from '../../model/digest.ts';
import { bareMediaType, parseManifest } from '../../model/manifest.ts';
import { isManifestType, mediaTypes } from '../../model/media-types.ts';
import { isTag } from '../../model/reference.ts';
import { apiVersion, emptyAnswer, type Answer } from './answer.ts';
import type { Exchange } from './exchange.ts';
import { errorAnswer } from './failure.ts';
import { requestBody } from './request-body.ts';

/** distribution-spec, "Pulling manifests". The bytes are served as they were pushed whatever `Accept` says: converting would change the digest. */
export async function getManifest(exchange: Exchange, name: string, reference: string): Promise<Answer> {
  const repository = exchange.repository(name);
  const target = await resolveManifest(repository, reference);
  const bytes = await exchange.desk.contents.get(target.digest, () =>
    readVerified(() => repository.open(target), target, Math.max(target.size, exchange.desk.limits.manifestBytes)),
  );
  return {
    status: 200,
    headers: {
      ...apiVersion,
      'Content-Type': target.mediaType,
      'Content-Length': bytes.length,
      'Docker-Content-Digest': target.digest,
      ETag: `"${target.digest}"`,
      ...exchange.namespaceHeader,
    },
    body: bytes,
    lasting: true,
  };
}

/**
 * distribution-spec, "Pushing Manifests": by tag, by digest, or by digest with any number of `?tag=`. The names are set last, when all is there and checked.
 */
export async function putManifest(exchange: Exchange, name: string, reference: string): Promise<Answer> {
  const { desk, request, query } = exchange;
  const repository = exchange.repository(name);
  const digest = reference.includes(':') ? parseDigest(reference) : undefined;
  const tags = digest === undefined ? [checkedTag(reference)] : [...new Set(query.getAll('tag'))].map(checkedTag);
  if (tags.length > desk.limits.tagsAtOnce)
    return errorAnswer(414, 'TOOMANYREQUESTS', `${tags.length} tags at once, and ${desk.limits.tagsAtOnce} are allowed`);
  const contentType = declaredType(request.headers['content-type']);
  const bytes = await desk.bodies.manifests.run(() =>
    readBytes(
      requestBody(request, {
        limit: desk.limits.manifestBytes,
        what: 'the manifest',
        idle: desk.limits.idle,
        total: desk.limits.manifestTime,
      }),
      desk.limits.manifestBytes,
      'the manifest',
    ),
  );
  const actual = digestOf(bytes, digest === undefined ? 'sha256' : digestAlgorithm(digest));
  if (digest !== undefined && digest !== actual)
    throw new ImageError('digest-mismatch', `the manifest is ${actual}, not ${digest}`, { detail: { expected: digest, actual } });
  const document = parseManifest(bytes, contentType);
  const target: Descriptor = { mediaType: document.mediaType, digest: actual, size: bytes.length };
  await repository.write(target, async (offset) => once(bytes.subarray(offset)));
  for (const tag of tags) await repository.tag(target, tag);
  return emptyAnswer(201, {
    Location: exchange.path(name, `manifests/${actual}`),
    'Docker-Content-Digest': actual,
    ...(document.subject ? { 'OCI-Subject': document.subject.digest } : {}),
    ...(digest !== undefined && tags.length > 0 ? { 'OCI-Tag': tags } : {}),
  });
}

/** distribution-spec, "Deleting Manifests" and "Deleting tags": a tag alone, or a manifest with all its tags. Here only; other repositories keep theirs. */
export async function deleteManifest(exchange: Exchange, name: string, reference: string): Promise<Answer> {
  const repository = exchange.repository(name);
  if (reference.includes(':')) await repository.delete(await resolveManifest(repository, reference));
  else if (isTag(reference)) await repository.untag(reference);
  else throw unknownManifest(reference);
  return emptyAnswer(202);
}

async function resolveManifest(repository: Repository, reference: string): Promise<Descriptor> {
  if (reference.includes(':')) parseDigest(reference);
  else if (!isTag(reference)) throw unknownManifest(reference);
  const target = await repository.resolve(reference);
  if (!isManifestType(target.mediaType)) throw unknownManifest(reference);
  return target;
}

function unknownManifest(reference: string): ImageError {
  return new ImageError('manifest-unknown', `no manifest ${JSON.stringify(reference.slice(0, 160))} in this repository`);
}

function checkedTag(text: string): string {
  if (!isTag(text)) throw new ImageError('invalid-content', `${JSON.stringify(text.slice(0, 160))} is not a tag`);
  return text;
}

/** Types that say nothing: the document's own word counts then. */
const vague: ReadonlySet<string> = new Set(['', 'application/json', mediaTypes.bytes, 'text/plain']);

/** @returns undefined where the client does not say what it sends. @throws ImageError `invalid-content` where it says something that is no manifest */
function declaredType(header: string | undefined): string | undefined {
  const type = bareMediaType(header ?? '');
  if (vague.has(type)) return undefined;
  if (type === mediaTypes.dockerSchema1 || type === mediaTypes.dockerSchema1Signed)
    throw new ImageError('invalid-content', 'schema version 1 is no longer supported; push the image again with a current tool');
  if (!isManifestType(type)) throw new ImageError('invalid-content', `${type.slice(0, 160)} is not the media type of a manifest`);
  return type;
}
