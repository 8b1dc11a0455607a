import { ImageError } from '../../errors.ts';

/** Which endpoint a path means. Names and references are as they came, decoded once: nothing here is checked against a grammar but by who uses it. */
export type Route =
  | { readonly kind: 'base' }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'tags'; readonly name: string }
  | { readonly kind: 'manifest'; readonly name: string; readonly reference: string }
  | { readonly kind: 'blob'; readonly name: string; readonly digest: string }
  | { readonly kind: 'uploads'; readonly name: string }
  | { readonly kind: 'upload'; readonly name: string; readonly id: string }
  | { readonly kind: 'referrers'; readonly name: string; readonly digest: string }
  | { readonly kind: 'search-ping' }
  | { readonly kind: 'search' }
  | { readonly kind: 'store-catalog' };

/** Path and query of a request target; the absolute form, which proxies send, is cut down to them. */
export function splitTarget(target: string): { readonly path: string; readonly query: URLSearchParams } {
  const relative = target.startsWith('/') ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
  const mark = relative.indexOf('?');
  return mark < 0
    ? { path: relative, query: new URLSearchParams() }
    : { path: relative.slice(0, mark), query: new URLSearchParams(relative.slice(mark + 1)) };
}

/** True where the path is this door's: what a server with several doors on one port asks first. */
export function isRegistryPath(target: string): boolean {
  const { path } = splitTarget(target);
  return path === '/v2' || path.startsWith('/v2/') || path === '/v1/_ping' || path === '/v1/search' || isStoreCatalog(path);
}

/**
 * Reads a path from its end, as a repository's name may itself hold `tags`, `blobs` or `manifests`. Dots are never resolved:
 * `..` stays a component, which no grammar of names, tags or digests takes.
 * @throws ImageError `invalid-reference` where the percent-encoding is broken or hides a slash
 */
export function routeOf(path: string): Route | undefined {
  if (path === '/v2/' || path === '/v2') return { kind: 'base' };
  if (path === '/v1/_ping') return { kind: 'search-ping' };
  if (path === '/v1/search') return { kind: 'search' };
  if (isStoreCatalog(path)) return { kind: 'store-catalog' };
  if (!path.startsWith('/v2/')) return undefined;
  const parts = path.slice(4).split('/').map(decoded);
  if (parts.length === 1 && parts[0] === '_catalog') return { kind: 'catalog' };
  const last = parts.at(-1) ?? '';
  const before = parts.at(-2);
  const name = (cut: number) => parts.slice(0, -cut).join('/');
  if (parts.length > 3 && before === 'uploads' && parts.at(-3) === 'blobs')
    return last === '' ? { kind: 'uploads', name: name(3) } : { kind: 'upload', name: name(3), id: last };
  if (parts.length < 3) return undefined;
  if (before === 'tags' && last === 'list') return { kind: 'tags', name: name(2) };
  if (last === '') return undefined;
  if (before === 'manifests') return { kind: 'manifest', name: name(2), reference: last };
  if (before === 'blobs') return last === 'uploads' ? { kind: 'uploads', name: name(2) } : { kind: 'blob', name: name(2), digest: last };
  if (before === 'referrers') return { kind: 'referrers', name: name(2), digest: last };
  return undefined;
}

/** Where whoever adds this server as a source looks, by the server's name alone, and the shorter spelling. */
function isStoreCatalog(path: string): boolean {
  return path === '/catalogue.json' || path === '/catalog.json';
}

function decoded(part: string): string {
  if (!part.includes('%')) return part;
  let text: string;
  try {
    text = decodeURIComponent(part);
  } catch (cause) {
    throw new ImageError('invalid-reference', 'invalid percent-encoding in the path', { cause });
  }
  if (text.includes('/') || text.includes('\\')) throw new ImageError('invalid-reference', 'an encoded slash in the path');
  return text;
}
