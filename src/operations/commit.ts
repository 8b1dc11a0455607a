import { imageFromLayer } from '../content/layer-image.ts';
import { isConfig, mergeConfig, readConfig, type ContainerConfig } from '../containers/container-settings.ts';
import { ImageError } from '../errors.ts';
import { tarChunkSize } from '../formats/tar/write-tar.ts';
import { ChunkPool } from '../io/chunk-pool.ts';
import { once } from '../io/once.ts';
import type { Operation } from '../io/operation.ts';
import { applyChanges } from '../model/config-change.ts';
import type { RunConfig } from '../model/config.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { canonical, familiar, type Reference } from '../model/reference.ts';
import type { Host } from './host.ts';
import { keepLayer } from './keep-layer.ts';

export interface CommitOptions extends Operation {
  /** Default: an image without a name. */
  readonly reference?: Reference | undefined;
  /** Default: the base image's. */
  readonly author?: string | undefined;
  readonly message?: string | undefined;
  /** Dockerfile instructions. */
  readonly changes?: readonly string[] | undefined;
  /** A Config of docker's to take instead of the container's, which fills what it leaves out. An object that says nothing of one is none. */
  readonly config?: unknown;
  /** Of the new manifest. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Of the new layer. Default: what the containers' settings say. */
  readonly compression?: 'gzip' | 'zstd' | undefined;
  /** gzip 1 … 9, zstd 1 … 22. */
  readonly level?: number | undefined;
  /** When the image was made. Default: now. The same files and options at the same time give the same image. */
  readonly created?: Date | undefined;
}

/**
 * Makes an image of a container: its base's, with one layer of what was changed. Where nothing was, only the config has a new step, as docker has it.
 * The name comes last, together with the record of what it was made from.
 * @throws ImageError `not-found`, `invalid-argument`, with docker's texts
 */
export async function commit(
  host: Pick<Host, 'store' | 'containers' | 'now'>,
  name: string,
  options: CommitOptions = {},
): Promise<Descriptor> {
  const { reference, author, message, signal } = options;
  const container = await host.containers.get(name);
  if (['removing', 'dead'].includes(container.record.state))
    throw new ImageError(
      'conflict',
      `You cannot commit container ${container.id} which is ${container.record.state === 'dead' ? 'Dead' : 'being removed'}`,
    );
  const { platform, config: own } = container.document;
  const asked = options.config === undefined || options.config === null || !isConfig(options.config) ? own : readConfig(options.config);
  const changed = applyChanges(runConfig(asked), options.changes ?? [], platform.os);
  await using ingest = await host.store.begin({ verb: 'commit', signal });
  const base = await container.image({ signal });
  const config = withShell(runConfig(mergeConfig(readConfig(changed), own, platform.os)), base.config?.config);
  // What the new manifest names must be held before it is there.
  if (!(await ingest.has(base.descriptor))) throw new ImageError('not-found', `No such image: ${container.record.image}`);
  const pool = new ChunkPool(tarChunkSize);
  const tar = await container.layer({ signal, pool });
  const compression = options.compression ?? host.containers.compression;
  const kept = tar && (await keepLayer(ingest, tar, { compression, level: options.level, pool, signal }));
  const documents = imageFromLayer(kept, {
    platform,
    config,
    created: options.created ?? host.now(),
    base,
    createdBy: (own.Cmd ?? []).join(' '),
    message,
    author,
    annotations: options.annotations,
  });
  for (const { target, bytes } of [documents.config, documents.manifest])
    await ingest.write(target, async (offset) => once(bytes.subarray(offset)), { signal });
  const root = documents.manifest.target;
  const parent = { digest: container.record.target.digest, how: 'commit' } as const;
  if (reference) await ingest.name(root, canonical(reference), { parent });
  else await ingest.keep(root, { parent });
  await host.store.record({
    type: 'container',
    action: 'commit',
    id: container.id,
    attributes: {
      ...container.attributes,
      comment: message ?? '',
      imageID: root.digest,
      imageRef: reference ? familiar(reference) : '',
    },
  });
  return root;
}

/** What builds run their commands by is the image's, and no container's. */
function withShell(config: RunConfig, base: RunConfig | undefined): RunConfig {
  return base?.Shell === undefined || config.Shell !== undefined ? config : { ...config, Shell: base.Shell };
}

/** What an image keeps of a container's config: what holds for every container of it. */
function runConfig(config: ContainerConfig): RunConfig {
  const { User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, Labels, StopSignal, ArgsEscaped, Healthcheck, OnBuild, Shell } =
    config;
  const given = {
    User,
    ExposedPorts,
    Env,
    Entrypoint,
    Cmd,
    Volumes,
    WorkingDir,
    Labels,
    StopSignal,
    ArgsEscaped,
    Healthcheck,
    OnBuild,
    Shell,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== null && !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  return value === '' || value === false || (typeof value === 'object' && Object.keys(value as object).length === 0);
}
