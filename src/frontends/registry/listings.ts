import { ImageError } from '../../errors.ts';
import { jsonAnswer, type Answer } from './answer.ts';
import type { Exchange } from './exchange.ts';
import { wirePath } from './local-name.ts';

/** What part of a list is asked for. */
interface PageQuery {
  readonly limit: number;
  readonly last?: string;
}

/** distribution-spec, "Listing Tags": in ASCII order, a page at a time, each page's `Link` naming the next. */
export async function listTags(exchange: Exchange, name: string): Promise<Answer> {
  const page = pageQuery(exchange);
  const found = await exchange.repository(name).tags({ ...page, limit: page.limit + 1 });
  const tags = found.slice(0, page.limit);
  const link = nextLink(exchange, name, 'tags/list', page, tags, found.length);
  return { ...jsonAnswer(200, { name, tags }, { ...link, ...exchange.namespaceHeader }), lasting: true };
}

/** docker's `_catalog`: the repositories whose names fit into a path here, or those of the host that `?ns=` names. */
export async function listRepositories(exchange: Exchange): Promise<Answer> {
  const page = pageQuery(exchange);
  const namespace = exchange.namespace?.toLowerCase();
  const paths: string[] = [];
  for (const name of await exchange.desk.repositories.get()) {
    const at = namespace === undefined ? wirePath(name) : { path: name.repository, namespace: name.registry };
    if (at.namespace === namespace) paths.push(at.path);
  }
  const found = paths.sort().filter((path) => page.last === undefined || path > page.last);
  const repositories = found.slice(0, page.limit);
  const link = nextLink(exchange, '', '_catalog', page, repositories, found.length);
  return { ...jsonAnswer(200, { repositories }, { ...link, ...exchange.namespaceHeader }), lasting: true };
}

/** `n=0` is an empty page. @throws ImageError `invalid-argument` where `n` is no number */
function pageQuery(exchange: Exchange): PageQuery {
  const { page } = exchange.desk.limits;
  const n = exchange.query.get('n') ?? '';
  if (!/^\d*$/.test(n)) throw new ImageError('invalid-argument', `n=${n.slice(0, 20)} is not a number of names`);
  const last = exchange.query.get('last') ?? '';
  return { limit: n === '' ? page : Math.min(Number(n), page), ...(last === '' ? {} : { last }) };
}

function nextLink(
  exchange: Exchange,
  name: string,
  rest: string,
  { limit }: PageQuery,
  shown: readonly string[],
  found: number,
): Answer['headers'] {
  const last = shown.at(-1);
  if (found <= shown.length || last === undefined) return {};
  return { Link: `<${exchange.path(name, rest, { n: String(limit), last })}>; rel="next"` };
}
