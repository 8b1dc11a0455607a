import { ImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import type { SearchResult } from '../remote/registries.ts';
import type { Host } from './host.ts';
import type { FilterTerm } from './image-filter.ts';

export interface SearchOptions extends Operation {
  /** 1 to 100. Default: 25, docker's; for `*`, which asks for all there is, what a registry gives at once. */
  readonly limit?: number | undefined;
  readonly filters?: readonly FilterTerm[];
}

/** Asks a registry for repositories whose name or description has the term; the Hub, or the host that the term begins with. */
export async function search(host: Pick<Host, 'registries'>, term: string, options: SearchOptions = {}): Promise<readonly SearchResult[]> {
  const { limit = term === '*' ? 100 : 25, filters = [], ...operation } = options;
  const tests = filters.map(searchFilter);
  const results = await host.registries.search(term, { ...operation, limit });
  return results.filter((result) => tests.every((test) => test(result)));
}

function searchFilter({ key, value }: FilterTerm): (result: SearchResult) => boolean {
  const flag = (): boolean => {
    if (!['true', 'false', '1', '0'].includes(value)) throw new ImageError('invalid-argument', `invalid filter '${key}=[${value}]'`);
    return value === 'true' || value === '1';
  };
  switch (key) {
    case 'stars': {
      if (!/^\d+$/.test(value))
        throw new ImageError(
          'invalid-argument',
          `invalid filter 'stars=${value}': strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`,
        );
      return (result) => result.stars >= Number(value);
    }
    case 'is-official': {
      const wanted = flag();
      return (result) => result.official === wanted;
    }
    case 'is-automated': {
      const wanted = flag();
      return () => !wanted; // registries have said false for years, whatever was built how
    }
    default:
      throw new ImageError('invalid-argument', `invalid filter '${key}'`, { hint: 'Filters here: stars, is-official, is-automated.' });
  }
}
