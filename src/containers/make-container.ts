import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { ImageError, isImageError } from '../errors.ts';
import { Tree } from '../layers/tree.ts';
import type { ContainerRecord, NewContainer } from '../store/container-record.ts';
import type { ImageStore } from '../store/image-store.ts';
import type { NewVolume } from '../store/volume-record.ts';
import { checkSettings } from './check-settings.ts';
import { readDocument, writeDocument, type ContainerDocument } from './container-document.ts';
import { ContainerFiles } from './container-files.ts';
import { checkContainerName, randomContainerName } from './container-name.ts';
import { mergeConfig, readConfig, requireCommand, type ContainerSettings, type HostConfig } from './container-settings.ts';
import type { ContainerBase, NewContainerOptions } from './containers.ts';
import { isUserDefined, networksOf, withHostDefaults } from './host-defaults.ts';
import type { LayOut } from './lay-out.ts';
import { cleanPath, planMounts, type MountPoint } from './mount-points.ts';
import { readyMounts } from './volumes.ts';

/** How often a name that we made up may be taken already. */
const attempts = 10;

/** As `Containers.create`. */
export async function makeContainer(
  store: ImageStore,
  layOut: LayOut,
  settings: ContainerSettings,
  base: ContainerBase,
  options: NewContainerOptions,
): Promise<ContainerRecord> {
  const { os } = base.platform;
  const { now, signal, onProgress } = options;
  // As docker shows it.
  const name = options.name?.replace(/^\//, '');
  if (name !== undefined) checkContainerName(name, options.name);
  checkSettings(settings, os);
  const merged = mergeConfig({ ...settings.config, Image: base.image }, readConfig(base.opened.config?.config ?? {}), os);
  requireCommand(merged);
  const host = await withOthers(store, withHostDefaults(settings.host, os));
  const others = new Map<string, readonly MountPoint[]>();
  for (const spec of host.VolumesFrom ?? []) {
    if (spec === '') throw new ImageError('invalid-argument', 'volumes-from specification cannot be an empty string');
    const [other = ''] = spec.split(':', 1);
    others.set(other, readDocument(await otherContainer(store, other)).mounts);
  }
  // In a network of somebody's own a link is a name, and who it is may come later.
  for (const link of isUserDefined(host.NetworkMode) ? [] : (host.Links ?? [])) await requireLinked(store, link.split(':', 1)[0] ?? '');
  for (const { Type, Source } of host.Mounts ?? []) if (Type === 'image' && Source) await store.find(Source);
  const planned = planMounts({ host, config: merged }, os, (other) => others.get(other) ?? []);

  using _use = store.use();
  const folders = await layOut.image(base.opened, { signal, onProgress });
  const volumes: NewVolume[] = [];
  let files: ContainerFiles | undefined;
  const openFiles = () =>
    (files ??= new ContainerFiles(
      folders.map((folder) => Tree.open(folder)),
      undefined,
      [],
      os,
    ));
  try {
    const mounts = await readyMounts(store, planned, openFiles, volumes, { signal });
    const id = randomBytes(32).toString('hex');
    const own = host.NetworkMode === 'host' ? hostname() : id.slice(0, 12);
    const { WorkingDir } = merged;
    const config = {
      ...merged,
      Hostname: merged.Hostname || own,
      WorkingDir: os === 'windows' || WorkingDir === '' ? WorkingDir : cleanPath(WorkingDir),
    };
    const networks = networksOf({ ...settings, host });
    const document = { platform: base.platform, config, host, networks, mounts };
    const { image, target, opened, origin } = base;
    return await addRecord(store, { id, image, target, manifest: opened.descriptor, origin, created: now, document }, name, volumes);
  } finally {
    files?.[Symbol.dispose]();
    for (const { draft } of volumes) await draft[Symbol.asyncDispose]();
  }
}

/** The one transaction of a creation, with another name where one that we made up is taken. */
async function addRecord(
  store: ImageStore,
  added: Pick<NewContainer, 'id' | 'image' | 'target' | 'manifest' | 'origin' | 'created'> & { readonly document: ContainerDocument },
  name: string | undefined,
  volumes: readonly NewVolume[],
): Promise<ContainerRecord> {
  const { document, image } = added;
  const used = document.mounts.flatMap(({ Type, Name }) => (Type === 'volume' && Name !== undefined ? [Name] : []));
  for (let attempt = 0; ; attempt++) {
    const own = name ?? randomContainerName(attempt);
    const event = { action: 'create', attributes: { ...document.config.Labels, image, name: own } };
    try {
      const record = { ...added, name: own, state: 'created', volumes: used, document: writeDocument(document) } as const;
      return await store.addContainer(record, event, volumes);
    } catch (error) {
      if (name !== undefined || attempt >= attempts || !isImageError(error, 'conflict')) throw error;
    }
  }
}

async function requireLinked(store: ImageStore, name: string): Promise<void> {
  try {
    await otherContainer(store, name);
  } catch (error) {
    if (!isImageError(error, 'invalid-argument')) throw error;
    throw new ImageError('invalid-argument', `could not get container for ${name}: ${error.message}`, { detail: error.detail });
  }
}

/** A container that another is to share something with. That it is missing is a wrong setting: a client takes `not-found` for the image's, and pulls. */
async function otherContainer(store: ImageStore, name: string): Promise<ContainerRecord> {
  try {
    return await store.container(name);
  } catch (error) {
    if (!isImageError(error, 'not-found')) throw error;
    throw new ImageError('invalid-argument', error.message, { detail: error.detail });
  }
}

/** Settings that name other containers, by their ids: names change. A network's may come later. */
async function withOthers(store: ImageStore, host: HostConfig): Promise<HostConfig> {
  const byId = async (mode: string, optional = false): Promise<string> => {
    const [, name] = /^container:(.+)$/.exec(mode) ?? [];
    if (name === undefined) return mode;
    try {
      return `container:${(await otherContainer(store, name)).id}`;
    } catch (error) {
      if (optional && isImageError(error, 'invalid-argument')) return mode;
      throw error;
    }
  };
  return {
    ...host,
    IpcMode: await byId(host.IpcMode),
    PidMode: await byId(host.PidMode),
    NetworkMode: await byId(host.NetworkMode, true),
  };
}
