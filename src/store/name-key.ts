import type { Digest } from '../model/digest.ts';
import { repositoryName, type Reference } from '../model/reference.ts';

/** The columns that a name is kept under. A name with a digest and no tag is kept under `@` and the digest; with both, the digest alone counts, as with docker. */
export function nameKey(reference: Reference): { repo: string; tag: string } {
  return { repo: repositoryName(reference), tag: reference.digest === undefined ? (reference.tag ?? 'latest') : `@${reference.digest}` };
}

export function nameReference(repo: string, tag: string): Reference {
  const slash = repo.indexOf('/');
  const registry = repo.slice(0, slash);
  const repository = repo.slice(slash + 1);
  return tag.startsWith('@') ? { registry, repository, digest: tag.slice(1) as Digest } : { registry, repository, tag };
}
