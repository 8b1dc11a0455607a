import { ImageError } from '../../errors.ts';
import { familiarName, parseReference, pathGrammar, repositoryName, type Reference } from '../../model/reference.ts';

/** A repository's name, without tag or digest. */
export type RepositoryName = Pick<Reference, 'registry' | 'repository'>;

/**
 * The local name that a repository's path means: the path is the name, so `nanoserver` and `library/nanoserver` are one repository, and a first
 * component with a dot, or `localhost`, is a registry's host. A host with a port does not fit into a path; `?ns=HOST[:PORT]`
 * (distribution-spec, "Registry Proxying") names it, and the path is then all below that host.
 * @throws ImageError `invalid-reference`; `not-found` where the namespace is not a host that a local name can have
 */
export function localName(path: string, namespace: string | undefined): RepositoryName {
  if (path.length > 255) throw new ImageError('invalid-reference', 'a repository name must not be more than 255 characters');
  if (!pathGrammar.test(path)) throw new ImageError('invalid-reference', `invalid repository name ${JSON.stringify(path)}`);
  if (namespace === undefined) return parseReference(path);
  const host = namespace.toLowerCase();
  const unknown = () => new ImageError('not-found', `nothing is kept for the namespace ${JSON.stringify(namespace.slice(0, 255))}`);
  if (!/[.:]/.test(host) && host !== 'localhost') throw unknown();
  const name = parseReference(`${host}/${path}`);
  if (name.tag !== undefined || name.digest !== undefined) throw unknown();
  return name;
}

/** The path under which a client asks for this repository, with the namespace where it must send one too. */
export function wirePath(name: RepositoryName): { readonly path: string; readonly namespace?: string } {
  if (name.registry.includes(':')) return { path: name.repository, namespace: name.registry };
  return { path: familiarName(name) };
}

/** A key that no two repositories share. */
export const repositoryKey = repositoryName;
