import { ImageError } from '../errors.ts';
import { isDigest, type Digest } from './digest.ts';

/**
 * The name of an image, whole: `docker.io/library/debian:12` for what a user types as `debian:12`.
 * Always canonical; `familiarName` and `familiar` give the short form that people and docker's answers use.
 * The grammar is that of docker's references (distribution/reference), which every peer keeps.
 */
export interface Reference {
  /** Host, with a port where it was given; `docker.io` for the Hub. */
  readonly registry: string;
  /** Path below the host: `library/debian`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

export const defaultRegistry = 'docker.io';

const domain =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/;
/** What a repository's path may be: distribution-spec, "Pulling manifests", `<name>`. */
export const pathGrammar = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagGrammar = /^[\w][\w.-]{0,127}$/;

/** True for what a tag may be: `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`. */
export function isTag(text: string): boolean {
  return tagGrammar.test(text);
}

/**
 * Reads what a user typed, in docker's grammar: `[host/]path[:tag][@digest]`.
 * Neither tag nor digest is made up; `withDefaultTag` does that.
 * @throws ImageError `invalid-reference`, with docker's texts
 */
export function parseReference(text: string): Reference {
  const refuse = (why: string): never => {
    throw new ImageError('invalid-reference', why, { detail: { reference: text.slice(0, 512) } });
  };
  if (text === '') refuse('invalid reference format: the name is empty');
  if (text.length > 1024) refuse('invalid reference format: the name is too long');
  if (/^[a-f0-9]{64}$/.test(text)) refuse(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);

  let rest = text;
  let digest: Digest | undefined;
  const at = rest.indexOf('@');
  if (at >= 0) {
    const given = rest.slice(at + 1);
    if (!isDigest(given)) refuse(`invalid reference format: ${JSON.stringify(given.slice(0, 160))} is not a digest`);
    digest = given as Digest;
    rest = rest.slice(0, at);
  }
  let tag: string | undefined;
  const colon = rest.lastIndexOf(':');
  if (colon >= 0 && !rest.slice(colon).includes('/') && !(rest.includes(']') && rest.indexOf(']') > colon)) {
    tag = rest.slice(colon + 1);
    rest = rest.slice(0, colon);
    if (!tagGrammar.test(tag)) refuse(`invalid reference format: ${JSON.stringify(tag.slice(0, 160))} is not a tag`);
  }
  const { registry, repository } = splitName(rest);
  if (!domain.test(registry)) refuse(`invalid reference format: ${JSON.stringify(registry)} is not a registry's host`);
  if (!pathGrammar.test(repository)) {
    if (pathGrammar.test(repository.toLowerCase())) refuse(`invalid reference format: repository name (${repository}) must be lowercase`);
    refuse(`invalid reference format`);
  }
  if (registry.length + 1 + repository.length > 255)
    refuse('invalid reference format: repository name must not be more than 255 characters');
  return { registry, repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** A first component with a dot, a colon or `localhost` is a host; everything else is docker.io's, one component alone in its `library`. */
function splitName(name: string): { registry: string; repository: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  if (slash < 0 || !(first.includes('.') || first.includes(':') || first === 'localhost' || first !== first.toLowerCase()))
    return { registry: defaultRegistry, repository: slash < 0 ? `library/${name}` : name };
  const repository = name.slice(slash + 1);
  if (first === 'docker.io' || first === 'index.docker.io')
    return { registry: defaultRegistry, repository: repository.includes('/') ? repository : `library/${repository}` };
  return { registry: first, repository };
}

/** `docker.io/library/debian`: the key of a repository. */
export function repositoryName(reference: Pick<Reference, 'registry' | 'repository'>): string {
  return `${reference.registry}/${reference.repository}`;
}

/** `debian`, `me/app`, `quay.io/me/app`: what docker prints in REPOSITORY. Read again it is the same name: the Hub's `a.b/c` stays `docker.io/a.b/c`. */
export function familiarName(reference: Pick<Reference, 'registry' | 'repository'>): string {
  if (reference.registry !== defaultRegistry) return repositoryName(reference);
  const { repository } = reference;
  const short = repository.startsWith('library/') && !repository.slice(8).includes('/') ? repository.slice(8) : repository;
  return /^(?:[^/]*\.[^/]*|localhost)\//.test(short) ? repositoryName(reference) : short;
}

/** The whole name with tag and digest, as `docker.io/library/debian:12`. */
export function canonical(reference: Reference): string {
  return repositoryName(reference) + suffix(reference);
}

/** The short form with tag and digest, as `debian:12`. */
export function familiar(reference: Reference): string {
  return familiarName(reference) + suffix(reference);
}

/** What a repository calls it: the digest where there is one, else the tag. */
export function identifier(reference: Reference): string {
  return reference.digest ?? reference.tag ?? 'latest';
}

/** The reference with `latest` where it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: 'latest' } : reference;
}

function suffix(reference: Reference): string {
  return `${reference.tag === undefined ? '' : `:${reference.tag}`}${reference.digest === undefined ? '' : `@${reference.digest}`}`;
}
