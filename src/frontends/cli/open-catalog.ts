import type { CatalogHost } from '../../operations/find-base.ts';
import type { Host } from '../../operations/host.ts';
import type { GlobalValues } from './grammar.ts';
import { openRegistries } from './host.ts';
import type { Terminal } from './terminal.ts';

/** Where base images are found: the sources, and the registries that they are reached by. Close it with `await using`. */
export async function openCatalogHost(
  caller: { readonly terminal: Terminal; readonly globals: GlobalValues },
  options: { plainHttp?: boolean } = {},
): Promise<CatalogHost & Pick<Host, 'registries' | 'remote'> & AsyncDisposable> {
  const { openCatalog } = await import('../../operations/find-base.ts');
  const registries = await openRegistries(caller, options);
  return {
    catalog: openCatalog(caller.terminal.env, registries),
    registries,
    remote: (reference) => registries.repository(reference),
    [Symbol.asyncDispose]: async () => registries.close(),
  };
}
