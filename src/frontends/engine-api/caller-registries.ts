import type { Reference } from '../../model/reference.ts';
import type { Repository } from '../../content/repository.ts';
import type { Registries } from '../../remote/registries.ts';
import type { Exchange } from './exchange.ts';
import { registryAccess } from './registry-access.ts';

/** What the verbs that go to a registry take of the host. */
export interface CallerRegistries {
  readonly registries: Registries;
  remote(reference: Reference): Repository;
}

/**
 * Registries as this request's caller may reach them, for the time of the work: with the credentials that it sent, for the registry that it speaks of and the
 * one that they say they are for, and with nobody's else.
 */
export async function withRegistries<T>(exchange: Exchange, registry: string, work: (reached: CallerRegistries) => Promise<T>): Promise<T> {
  const { credentials, server, headers } = registryAccess(exchange.request.headers);
  const registries = await exchange.desk.host.openRegistries({
    credentials: (host) => (host === registry || host === server ? (credentials ?? null) : null),
    extraHeaders: headers,
  });
  try {
    return await work({ registries, remote: (reference) => registries.repository(reference) });
  } finally {
    registries.close();
  }
}
