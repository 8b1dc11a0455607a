import { ImageError } from '../../errors.ts';
import type { Answer } from './answer.ts';
import type { Exchange } from './exchange.ts';

export type Handler = (exchange: Exchange) => Promise<Answer> | Answer;

export interface Route {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** A path with at most one `{name}`, which takes anything, slashes too; at the end nothing as well. */
  readonly path: string;
  readonly handler: Handler;
  /** A body that is not for us to read as a form: an archive, a tar. */
  readonly raw?: boolean;
  /** Changes nothing here, though its method says so. */
  readonly reads?: boolean;
}

export function route(method: Route['method'], path: string, handler: Handler, options: Pick<Route, 'raw' | 'reads'> = {}): Route {
  return { method, path, handler, ...options };
}

/** Routes by method, those without a name in a map, the others in the order of their making. */
export class RouteTable {
  readonly #exact = new Map<string, Route>();
  readonly #named = new Map<string, { readonly before: string; readonly after: string; readonly route: Route }[]>();

  constructor(routes: readonly Route[]) {
    for (const one of routes) {
      const at = one.path.indexOf('{name}');
      if (at < 0) this.#exact.set(`${one.method} ${one.path}`, one);
      else
        this.#named.set(one.method, [
          ...(this.#named.get(one.method) ?? []),
          { before: one.path.slice(0, at), after: one.path.slice(at + '{name}'.length), route: one },
        ]);
    }
  }

  /** The first that fits. A name at the end may be empty, and has its route's own answer then, as in docker. Dots are never resolved, nor slashes put together: what a name may be is for its grammar to say. */
  find(method: string, path: string): { readonly route: Route; readonly name: string } | undefined {
    const exact = this.#exact.get(`${method} ${path}`);
    if (exact) return { route: exact, name: '' };
    for (const { before, after, route: found } of this.#named.get(method) ?? [])
      if (path.length > before.length + after.length - (after === '' ? 1 : 0) && path.startsWith(before) && path.endsWith(after))
        return { route: found, name: path.slice(before.length, path.length - after.length) };
    return undefined;
  }
}

/**
 * The target with one slash where its path has several: where docker's router sends whoever asks so. Undefined where there are none. It is not served in their
 * place: what stands before a daemon and allows some paths knows them by one spelling.
 */
export function singleSlashes(target: string): string | undefined {
  const relative = relativeTarget(target);
  const mark = relative.search(/[?]|$/);
  const path = relative.slice(0, mark);
  return path.includes('//') ? path.replace(/\/{2,}/g, '/') + relative.slice(mark) : undefined;
}

function relativeTarget(target: string): string {
  return target.startsWith('/') ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
}

/** Path, decoded, and query of a request target; the absolute form, which proxies send, is cut down to them. @throws ImageError `invalid-argument` for broken percent-encoding, and NUL in the path */
export function splitTarget(target: string): { readonly path: string; readonly query: URLSearchParams } {
  const relative = relativeTarget(target);
  const mark = relative.indexOf('?');
  const raw = mark < 0 ? relative : relative.slice(0, mark);
  const query = readQuery(mark < 0 ? '' : relative.slice(mark + 1));
  let path: string;
  try {
    path = raw.includes('%') ? decodeURIComponent(raw) : raw;
  } catch (cause) {
    throw new ImageError('invalid-argument', 'invalid percent-encoding in the path', { cause });
  }
  if (path.includes('\0')) throw new ImageError('invalid-argument', 'a NUL in the path');
  return { path, query };
}

/**
 * Parameters of a query or a form. What cannot be read is refused, as Go does: a filter that is half understood could prune too much.
 * @throws ImageError `invalid-argument`, with docker's texts
 */
export function readQuery(text: string): URLSearchParams {
  const broken = /%(?![0-9a-fA-F]{2})/.exec(text);
  if (broken)
    throw new ImageError(
      'invalid-argument',
      `invalid URL escape ${JSON.stringify(text.slice(broken.index, broken.index + 3).replace(/[&=].*$/, ''))}`,
    );
  if (text.includes(';')) throw new ImageError('invalid-argument', 'invalid semicolon separator in query');
  return new URLSearchParams(text);
}
