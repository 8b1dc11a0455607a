import { readSettings, type HostConfig } from '../containers/container-settings.ts';
import { ImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import { formatPlatform, hostPlatform, platformMatch, type Platform } from '../model/platform.ts';
import type { Host } from './host.ts';
import { openPlatform } from './inspect.ts';

export interface CreateContainerOptions extends Operation {
  /** Default: one that is made up. */
  readonly name?: string | undefined;
  /** Default: this machine's; an image of another is taken with a warning. */
  readonly platform?: Platform | undefined;
}

/** The answer to `POST /containers/create`. */
export interface CreatedContainer {
  readonly Id: string;
  readonly Warnings: readonly string[];
}

/**
 * Makes a container of an image of the store. Layers are laid out on the way, each once for all containers; progress tells of them.
 * @param document docker's: a Config, with HostConfig and NetworkingConfig in it
 * @throws ImageError `not-found` `No such image: …` and `platform-not-found`, which a client answers by pulling it; `conflict`, `invalid-argument`, with docker's texts
 */
export async function createContainer(
  host: Pick<Host, 'store' | 'containers' | 'now'>,
  document: unknown,
  options: CreateContainerOptions = {},
): Promise<CreatedContainer> {
  const { signal, onProgress, name } = options;
  if (signal?.aborted) throw canceled(signal.reason);
  const settings = readSettings(document);
  const { Image: asked, Cmd, Entrypoint } = settings.config;
  if (asked === '' && !Cmd?.length && !Entrypoint?.length) throw new ImageError('invalid-argument', 'no command specified');
  const found = await host.store.find(asked);
  const image = await openPlatform(host, asked, found.target, { signal, platform: options.platform });
  const platform = image.config?.platform;
  if (!platform) throw new ImageError('invalid-argument', `${asked} is an artifact: no container can stand on it`);
  // What is laid out already need not be held: the transaction that writes the record looks whether its content is here.
  await using ingest = (await host.containers.isLaidOut(image)) ? undefined : await host.store.begin({ verb: 'create', signal });
  for (const target of ingest ? [image.descriptor, found.target] : [])
    if (!(await ingest?.has(target))) throw new ImageError('not-found', `No such image: ${asked}`, { detail: { name: asked } });
  const base = { image: asked, target: found.target, opened: image, origin: found.name?.origin, platform };
  const container = await host.containers.create(settings, base, { name, now: host.now(), signal, onProgress });
  return { Id: container.id, Warnings: [...ignored(settings.host, platform.os), ...(options.platform ? [] : foreign(platform))] };
}

/** What is kept in the record and will do nothing. */
function ignored({ NetworkMode, PortBindings, Mounts, CpuPercent }: HostConfig, os: string): readonly string[] {
  const publishes = Object.keys(PortBindings ?? {}).length > 0;
  return [
    ...(os !== 'windows' && CpuPercent > 0 ? [`${os} does not support CPU percent. Percent discarded.`] : []),
    ...(NetworkMode === 'host' && publishes ? ['Published ports are discarded when using host network mode'] : []),
    ...((Mounts ?? []).some(({ Type }) => Type === 'image') ? ['Image mount is an experimental feature'] : []),
  ];
}

function foreign(platform: Platform): readonly string[] {
  const own = hostPlatform();
  if (platformMatch(own, platform) > 0) return [];
  return [
    `The requested image's platform (${formatPlatform(platform)}) does not match the detected host platform (${formatPlatform(own)}) and no specific platform was requested`,
  ];
}
