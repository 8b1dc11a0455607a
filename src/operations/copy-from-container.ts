import type { Readable } from 'node:stream';
import type { PathStat } from '../containers/container.ts';
import type { Operation } from '../io/operation.ts';
import type { Host } from './host.ts';

/** What is at a path of a container, as a tar. Its names begin with the last part of the path. Read or destroy it. @throws ImageError `not-found`, with docker's text */
export async function copyFromContainer(
  host: Pick<Host, 'store' | 'containers'>,
  name: string,
  path: string,
  operation: Operation = {},
): Promise<{ readonly stat: PathStat; readonly tar: Readable }> {
  const container = await host.containers.get(name);
  const found = await container.read(path, operation);
  await host.store.record({ type: 'container', action: 'archive-path', id: container.id, attributes: container.attributes });
  return found;
}
