import type { Page } from '../content/repository.ts';
import { ImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import { answerError } from './answer-error.ts';
import type { Endpoint } from './endpoint.ts';
import { listNames } from './list-pages.ts';

/** The repositories of a registry (`/v2/_catalog`), all or a page of them. @throws ImageError `unsupported` where it does not list them */
export async function listCatalog(endpoint: Endpoint, idle: number, page: Page, options: Operation): Promise<readonly string[]> {
  const url = new URL('_catalog', endpoint.base);
  if (page.limit !== undefined) url.searchParams.set('n', String(page.limit));
  if (page.last !== undefined) url.searchParams.set('last', page.last);
  const names = await listNames(
    {
      transport: endpoint.transport,
      url,
      scopes: ['registry:catalog:*'],
      idle,
      what: `repositories of ${endpoint.host}`,
      signal: options.signal,
      refuse: async (response) =>
        answerError(response, `cannot list the repositories of ${endpoint.host}`, {
          say: (problem, status) =>
            [404, 405, 501].includes(status)
              ? new ImageError('unsupported', `${endpoint.host} does not list its repositories: ${problem.message}`, {
                  hint: `Many registries do not. The tags of one repository: bay tags ${endpoint.host}/REPOSITORY`,
                })
              : undefined,
        }),
    },
    'repositories',
    page.limit,
  );
  return page.limit === undefined ? names : names.slice(0, page.limit);
}
