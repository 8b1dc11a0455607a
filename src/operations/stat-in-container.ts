import type { PathStat } from '../containers/container.ts';
import type { Operation } from '../io/operation.ts';
import type { Host } from './host.ts';

/** @throws ImageError `not-found`, with docker's text */
export async function statInContainer(
  host: Pick<Host, 'containers'>,
  name: string,
  path: string,
  operation: Operation = {},
): Promise<PathStat> {
  return (await host.containers.get(name)).stat(path, operation);
}
