import type { Operation } from '../io/operation.ts';
import type { Host } from './host.ts';

/** One row of `GET /containers/{id}/changes`. */
export interface ContainerChangeRow {
  readonly Path: string;
  /** 0 modified, 1 added, 2 deleted. */
  readonly Kind: 0 | 1 | 2;
}

const kinds = { modified: 0, added: 1, deleted: 2 } as const;

/** What was changed in a container on top of its image, in the order of paths. @throws ImageError `not-found` */
export async function containerChanges(
  host: Pick<Host, 'containers'>,
  name: string,
  operation: Operation = {},
): Promise<readonly ContainerChangeRow[]> {
  const container = await host.containers.get(name);
  return (await container.changes(operation)).map(({ path, kind }) => ({ Path: path, Kind: kinds[kind] }));
}
