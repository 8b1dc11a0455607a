import { ImageError } from '../../errors.ts';
import { isDigest } from '../../model/digest.ts';
import { isTag, parseReference, withDefaultTag, type Reference } from '../../model/reference.ts';
import type { Exchange } from './exchange.ts';

/** A name whose tag, or digest, comes apart from it: `fromImage=debian&tag=12`. What stands in the name gives way. @throws ImageError `invalid-reference`, with docker's texts */
export function joinReference(name: string, tagOrDigest: string | undefined): Reference {
  const reference = parseReference(name);
  if (tagOrDigest === undefined) return reference;
  const { registry, repository } = reference;
  if (isDigest(tagOrDigest)) return { registry, repository, digest: tagOrDigest };
  if (!isTag(tagOrDigest)) throw new ImageError('invalid-reference', 'invalid tag format');
  return { registry, repository, tag: tagOrDigest };
}

/** `repo=` and `tag=` of tag, import and commit; undefined where there is no repository. @throws ImageError `invalid-reference` */
export function newName(exchange: Exchange): Reference | undefined {
  const repo = exchange.text('repo');
  if (repo === undefined) return undefined;
  if (repo.includes('@')) throw new ImageError('invalid-reference', 'cannot import digest reference');
  return withDefaultTag(joinReference(repo, exchange.text('tag')));
}
