import type { ImageStore } from '../../store/image-store.ts';
import { defaultRegistry, familiarName, parseReference, repositoryName } from '../../model/reference.ts';
import { jsonAnswer, type Answer } from './answer.ts';
import type { Exchange } from './exchange.ts';
import { wirePath } from './local-name.ts';

/** One repository as a search finds it. */
export interface SearchRow {
  readonly name: string;
  readonly description: string;
  readonly official: boolean;
}

/** What docker's daemon allows, and its default. */
const maxResults = 100;
const defaultResults = 25;

/** `GET /v1/_ping`: what docker asks before a search. Not `standalone`: no credentials of the index are expected. */
export async function searchPing(): Promise<Answer> {
  return jsonAnswer(
    200,
    { version: '0.6.0', standalone: false },
    { 'X-Docker-Registry-Version': '0.6.0', 'X-Docker-Registry-Standalone': 'false' },
  );
}

/**
 * `GET /v1/search?q=&n=`: docker's search of old registries, the one that its daemon still speaks. Exact names first, then those that begin with the term,
 * then those that have it anywhere, then descriptions. Nothing, or `*`, finds all; a `*` elsewhere stands for any letters.
 */
export async function search(exchange: Exchange): Promise<Answer> {
  const { query, desk } = exchange;
  const term = (query.get('q') ?? '').trim().toLowerCase();
  const asked = Number(query.get('n') ?? defaultResults);
  const limit = Number.isInteger(asked) && asked > 0 ? Math.min(asked, maxResults) : defaultResults;
  const ranked: { row: SearchRow; rank: number }[] = [];
  const rankOf = ranking(term);
  for (const row of await desk.searchRows.get()) {
    const rank = rankOf(row);
    if (rank !== undefined) ranked.push({ row, rank });
  }
  ranked.sort((a, b) => a.rank - b.rank || (a.row.name < b.row.name ? -1 : 1));
  const results = ranked.slice(0, limit).map(({ row }) => ({
    name: row.name,
    description: row.description,
    star_count: 0,
    is_official: row.official,
    is_automated: false,
  }));
  return { ...jsonAnswer(200, { query: query.get('q') ?? '', num_results: results.length, results }), lasting: true };
}

/** How well a row fits the term, 0 best, undefined not at all. */
function ranking(term: string): (row: SearchRow) => number | undefined {
  if (term.replaceAll('*', '') === '') return () => 0;
  const bare = term.startsWith('library/') ? term.slice(8) : term;
  if (bare.includes('*')) {
    const parts = bare.split('*');
    return ({ name }) => (fits(name, parts) || fits(lastPart(name), parts) ? 0 : undefined);
  }
  return ({ name, description }) => {
    if (name === bare) return 0;
    if (lastPart(name) === bare) return 1;
    if (name.startsWith(bare)) return 2;
    if (lastPart(name).startsWith(bare)) return 3;
    if (name.includes(bare)) return 4;
    return description.toLowerCase().includes(bare) ? 5 : undefined;
  };
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** True where the text is the parts in order with anything between them. Linear, unlike a regular expression made of what a client sent. */
function fits(text: string, parts: readonly string[]): boolean {
  const [first = '', ...rest] = parts;
  const last = rest.pop() ?? '';
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}

/** The rows of all repositories. */
export async function searchRows(store: ImageStore): Promise<readonly SearchRow[]> {
  const newest = new Map<string, { tagged: number; description: string }>();
  for (const image of await store.images()) {
    for (const { reference, tagged } of image.names) {
      const key = repositoryName(reference);
      const known = newest.get(key);
      if (known && known.tagged >= tagged.getTime()) continue;
      newest.set(key, { tagged: tagged.getTime(), description: describe(image.platforms.map(({ labels }) => labels)) });
    }
  }
  const rows: SearchRow[] = [];
  for (const name of (await store.repositories()).map(parseReference)) {
    // A name that no path can carry could be found, and never be pulled.
    if (wirePath(name).namespace !== undefined) continue;
    const familiar = familiarName(name);
    rows.push({
      name: familiar,
      description: newest.get(repositoryName(name))?.description ?? '',
      official: name.registry === defaultRegistry && name.repository.startsWith('library/'),
    });
  }
  return rows;
}

function describe(places: readonly Readonly<Record<string, string>>[]): string {
  for (const key of ['org.opencontainers.image.description', 'org.opencontainers.image.title'])
    for (const place of places) if (Object.hasOwn(place, key) && place[key]) return place[key];
  return '';
}
