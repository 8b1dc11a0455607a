import type { Operation } from '../io/operation.ts';
import type { Host } from './host.ts';

export interface CopyIntoContainerOptions extends Operation {
  /** Refuses to put a file in the place of a folder, or a folder in that of a file. */
  readonly noOverwriteDirNonDir?: boolean | undefined;
  /** Everything gets the container's user as its owner. Default: as the tar says. */
  readonly copyUIDGID?: boolean | undefined;
}

/**
 * Puts a tar, packed or not, into a folder of a container: all of it or nothing, but where something is mounted.
 * @throws ImageError `not-found`, `invalid-argument`, `denied`, with docker's texts; `invalid-content` for a tar that is refused
 */
export async function copyIntoContainer(
  host: Pick<Host, 'store' | 'containers' | 'now'>,
  name: string,
  path: string,
  tar: AsyncIterable<Uint8Array>,
  options: CopyIntoContainerOptions = {},
): Promise<void> {
  const { noOverwriteDirNonDir, copyUIDGID: copyOwner, signal } = options;
  const container = await host.containers.get(name);
  await container.write(path, tar, { noOverwriteDirNonDir, copyOwner, now: host.now(), signal });
  await host.store.record({ type: 'container', action: 'extract-to-dir', id: container.id, attributes: container.attributes });
}
