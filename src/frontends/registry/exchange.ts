import type { IncomingMessage } from 'node:http';
import type { Repository } from '../../content/repository.ts';
import type { ImageStore } from '../../store/image-store.ts';
import type { Answer } from './answer.ts';
import type { ContentCache } from './content-cache.ts';
import type { Limits } from './limits.ts';
import { localName, type RepositoryName } from './local-name.ts';
import type { Running } from './running.ts';
import type { Remembered } from './remembered.ts';
import type { SearchRow } from './search.ts';

/** What every handler of the door has at hand. */
export interface Desk {
  readonly store: ImageStore;
  readonly limits: Limits;
  readonly contents: ContentCache;
  readonly bodies: { readonly blobs: Running; readonly manifests: Running };
  /** Every repository that shows an image. */
  readonly repositories: Remembered<readonly RepositoryName[]>;
  readonly searchRows: Remembered<readonly SearchRow[]>;
}

/** One request, its target read. */
export class Exchange {
  readonly desk: Desk;
  readonly request: IncomingMessage;
  readonly query: URLSearchParams;

  constructor(desk: Desk, request: IncomingMessage, query: URLSearchParams) {
    this.desk = desk;
    this.request = request;
    this.query = query;
  }

  /** `?ns=`: the host that the path is of, where the path itself cannot say it. */
  get namespace(): string | undefined {
    return this.query.get('ns') ?? undefined;
  }

  name(path: string): RepositoryName {
    return localName(path, this.namespace);
  }

  repository(path: string): Repository {
    return this.desk.store.repository(this.name(path));
  }

  /** A path below `/v2/NAME/` for Location and Link: without a host, so it is right behind any proxy, and with the namespace that the name needs. */
  path(name: string, rest: string, query: Readonly<Record<string, string>> = {}): string {
    const parameters = new URLSearchParams(query);
    if (this.namespace !== undefined) parameters.set('ns', this.namespace);
    return `/v2/${name === '' ? '' : `${name}/`}${rest}${parameters.size > 0 ? `?${parameters.toString()}` : ''}`;
  }

  /** distribution-spec, "Registry Proxying": whose content was served. */
  get namespaceHeader(): Answer['headers'] {
    const { namespace } = this;
    return namespace === undefined ? {} : { 'OCI-Namespace': namespace };
  }
}
