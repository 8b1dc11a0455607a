import type { Readable } from 'node:stream';
import type { Operation } from '../io/operation.ts';
import type { Host } from './host.ts';

/** All files of a container as one tar, without what is mounted in it. Read or destroy it. @throws ImageError `not-found` */
export async function exportContainer(
  host: Pick<Host, 'store' | 'containers'>,
  name: string,
  operation: Operation = {},
): Promise<Readable> {
  const container = await host.containers.get(name);
  const tar = await container.export(operation);
  await host.store.record({ type: 'container', action: 'export', id: container.id, attributes: container.attributes });
  return tar;
}
