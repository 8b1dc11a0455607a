import { readDocument, writeDocument } from '../containers/container-document.ts';
import { ImageError } from '../errors.ts';
import type { Host } from './host.ts';

export interface RemoveContainerOptions {
  /** Also one that runs. */
  readonly force?: boolean | undefined;
  /** With it the volumes that were never given a name. */
  readonly volumes?: boolean | undefined;
  /** Not the container: the link `/parent/alias` of that name. */
  readonly link?: boolean | undefined;
}

/** Removes a container and what was changed in it. @throws ImageError `not-found`, `conflict`, with docker's texts */
export async function removeContainer(
  host: Pick<Host, 'store' | 'containers'>,
  name: string,
  options: RemoveContainerOptions = {},
): Promise<void> {
  if (options.link) {
    await removeLink(host, name);
    return;
  }
  const container = await host.containers.get(name);
  const volumes = options.volumes ? await container.anonymousVolumes() : [];
  await host.store.removeContainer(
    container.id,
    { action: 'destroy', attributes: container.attributes },
    ({ state }) => {
      if (['running', 'paused', 'restarting'].includes(state) && !options.force)
        throw new ImageError(
          'conflict',
          `cannot remove container ${JSON.stringify(container.name)}: container is ${state}: stop the container before removing or force remove`,
          { detail: { container: container.id, state } },
        );
    },
    volumes.map((volume) => ({ name: volume, event: { action: 'destroy', attributes: { driver: 'local' } } })),
  );
}

async function removeLink({ store, containers }: Pick<Host, 'store' | 'containers'>, name: string): Promise<void> {
  const [, parentName, alias] = /^\/?(.+)\/([^/]+)$/.exec(name) ?? [];
  if (parentName === undefined) {
    await containers.get(name);
    throw new ImageError('conflict', 'Conflict, cannot remove the default link name of the container');
  }
  const parent = await containers.get(parentName).catch(() => {
    throw new ImageError('not-found', `Cannot get parent /${parentName} for link name /${parentName}/${alias}`);
  });
  await store.changeContainer(parent.id, (current) => {
    const document = readDocument(current);
    const links = (document.host.Links ?? []).filter((link) => (link.split(':')[1] ?? link) !== alias);
    if (links.length === (document.host.Links ?? []).length) throw new ImageError('not-found', `No such container: ${name}`);
    return { document: writeDocument({ ...document, host: { ...document.host, Links: links } }) };
  });
}
