import type { Container } from '../containers/container.ts';
import type { EndpointSettings } from '../containers/container-settings.ts';
import type { MountPoint } from '../containers/mount-points.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { ContainerState } from '../store/container-record.ts';
import { containerFilter, listContainersKeys } from './container-filter.ts';
import type { Host } from './host.ts';
import type { FilterTerm } from './image-filter.ts';
import { manifestOf, shownMounts, sizeKeys } from './inspect-container.ts';

export interface ListContainersOptions extends Operation {
  /** Not only those that run. */
  readonly all?: boolean | undefined;
  /** The newest so many, whatever they do. 0 or less: no limit. */
  readonly limit?: number | undefined;
  /** Sizes too, which must be measured. */
  readonly size?: boolean | undefined;
  readonly filters?: readonly FilterTerm[] | undefined;
}

/** One container of `GET /containers/json`, keys and all. */
export interface ListedContainer {
  readonly Id: string;
  /** With a slash before them. */
  readonly Names: readonly string[];
  readonly Image: string;
  readonly ImageID: string;
  readonly ImageManifestDescriptor: Descriptor;
  readonly Command: string;
  /** Seconds since 1970. */
  readonly Created: number;
  readonly Ports: readonly object[];
  readonly SizeRw?: number;
  readonly SizeRootFs?: number;
  readonly Labels: Readonly<Record<string, string>>;
  readonly State: ContainerState;
  readonly Status: string;
  readonly HostConfig: { readonly NetworkMode: string };
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, EndpointSettings>> };
  readonly Mounts: readonly MountPoint[];
}

/** Containers, the newest first. @throws ImageError `invalid-argument` for a filter, `not-found` for a container that one names; docker's texts */
export async function listContainers(
  host: Pick<Host, 'store' | 'containers'>,
  options: ListContainersOptions = {},
): Promise<readonly ListedContainer[]> {
  const { filters = [], limit = 0 } = options;
  const keep = await containerFilter(host, filters, listContainersKeys);
  const anyState = options.all || limit > 0 || filters.some(({ key }) => key === 'status' || key === 'exited');
  const found: ListedContainer[] = [];
  const containers = await host.containers.list();
  const shown = await imageShower(host, containers);
  for (const container of containers) {
    if (limit > 0 && found.length >= limit) break;
    if (!(anyState || container.record.state === 'running') || !keep(container)) continue;
    found.push(await listed(host, container, shown(container), options));
  }
  return found;
}

async function listed(
  host: Pick<Host, 'store'>,
  container: Container,
  image: string,
  options: ListContainersOptions,
): Promise<ListedContainer> {
  const { record, document } = container;
  const { config, networks } = document;
  return {
    Id: record.id,
    Names: [`/${record.name}`],
    Image: image,
    ImageID: record.target.digest,
    ImageManifestDescriptor: manifestOf(container),
    Command: commandLine([...(config.Entrypoint ?? []), ...(config.Cmd ?? [])]),
    Created: Math.floor(record.created.getTime() / 1000),
    Ports: [],
    ...(options.size ? sizeKeys(await container.sizes(options)) : {}),
    Labels: config.Labels ?? {},
    State: record.state,
    Status: statusWords[record.state],
    HostConfig: { NetworkMode: document.host.NetworkMode },
    NetworkSettings: { Networks: networks },
    Mounts: await shownMounts(host, container),
  };
}

const statusWords: Readonly<Record<ContainerState, string>> = {
  created: 'Created',
  running: 'Up',
  paused: 'Up (Paused)',
  restarting: 'Restarting',
  removing: 'Removal In Progress',
  exited: 'Exited',
  dead: 'Dead',
};

/** The words of a command, those with spaces in quotes, as docker shows them. */
function commandLine([path = '', ...args]: readonly string[]): string {
  return [path, ...args.map((arg) => (/\s/.test(arg) ? `'${arg}'` : arg))].join(' ');
}

/** What a list calls a container's image: as it was asked for, while that name still means the same; else its id. */
async function imageShower(host: Pick<Host, 'store'>, containers: readonly Container[]): Promise<(container: Container) => string> {
  const now = new Map<string, string | undefined>();
  const asked = new Set(containers.map(({ record }) => record.image));
  for (const image of asked)
    now.set(
      image,
      await host.store.find(image).then(
        ({ target }) => target.digest,
        () => undefined,
      ),
    );
  return ({ record }) => (now.get(record.image) === record.target.digest ? record.image : record.target.digest);
}
