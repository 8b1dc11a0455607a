import { chmod, lchown, mkdir, readdir, rename, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { ImageError, isSystemError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import { readTar } from '../formats/tar/read-tar.ts';
import type { ImageStore } from '../store/image-store.ts';
import type { NewVolume, VolumeRecord } from '../store/volume-record.ts';
import type { ContainerFiles } from './container-files.ts';
import { fillFolder, lookAt } from './host-folder.ts';
import type { MountPoint, PlannedMount } from './mount-points.ts';
import { checkVolumeName } from './volume-name.ts';

/** Marks a volume that nobody gave a name. */
export const anonymousLabel = 'com.docker.volume.anonymous';

/** What this room keeps of a volume. */
export interface VolumeDocument {
  readonly driver: 'local';
  readonly labels: Readonly<Record<string, string>> | null;
  readonly options: Readonly<Record<string, string>> | null;
}

export function readVolume({ document }: Pick<VolumeRecord, 'document'>): VolumeDocument {
  return document as VolumeDocument;
}

export interface NewVolumeSettings {
  /** Default: 64 random hex digits, and the mark of a volume without a name. */
  readonly name?: string | undefined;
  readonly driver?: string | undefined;
  readonly options?: Readonly<Record<string, string>> | null | undefined;
  readonly labels?: Readonly<Record<string, string>> | null | undefined;
}

/** What the mount of a local volume may be told. */
const knownOptions: ReadonlySet<string> = new Set(['type', 'o', 'device', 'size']);

/** Reads what a volume is to be. @throws ImageError `invalid-argument`, `not-found` for a driver, with docker's texts */
export function planVolume(settings: NewVolumeSettings): { readonly name: string; readonly document: VolumeDocument } {
  const name = settings.name || randomBytes(32).toString('hex');
  const { driver = '', options, labels } = settings;
  if (driver !== '' && driver !== 'local')
    throw new ImageError(
      'not-found',
      `create ${name}: error looking up volume plugin ${driver}: plugin ${JSON.stringify(driver)} not found`,
      {
        detail: { driver },
      },
    );
  checkVolumeName(name);
  const given = Object.keys(options ?? {});
  for (const key of given)
    if (!knownOptions.has(key)) throw new ImageError('invalid-argument', `create ${name}: invalid option: ${JSON.stringify(key)}`);
  if (given.length > 0 && (given.includes('device') || given.includes('o')) && !given.includes('type'))
    throw new ImageError('invalid-argument', `create ${name}: missing required option: "type"`);
  if (given.includes('type') && !given.includes('device'))
    throw new ImageError('invalid-argument', `create ${name}: missing required option: "device"`);
  return {
    name,
    document: {
      driver: 'local',
      labels: settings.name ? (labels ? sorted(labels) : null) : sorted({ ...labels, [anonymousLabel]: '' }),
      options: given.length > 0 ? sorted(options ?? {}) : null,
    },
  };
}

/** In Go's order of a map's keys. */
function sorted(map: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(map).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/**
 * Makes ready what a container's mounts need, and shows none of it: but an old volume that is empty gets what the image has in its place.
 * @param open the files of the image; asked for only where something is to be copied
 * @param made takes the new volumes, as drafts: the caller places or disposes of them, also after a failure
 * @returns the mount points, each volume with its name
 */
export async function readyMounts(
  store: ImageStore,
  planned: readonly PlannedMount[],
  open: () => ContainerFiles,
  made: NewVolume[],
  operation: Operation = {},
): Promise<readonly MountPoint[]> {
  const known = new Map((await store.volumes()).map((volume) => [volume.name, volume]));
  const points: MountPoint[] = [];
  for (const { point, anonymous, copy, driver, driverOptions, labels } of planned) {
    if (point.Type !== 'volume') {
      points.push(point);
      continue;
    }
    const plan = planVolume({ name: anonymous ? undefined : point.Name, driver, options: driverOptions, labels });
    points.push({ ...point, Name: plan.name });
    const there = known.get(plan.name);
    if (there) {
      if (copy && (await isEmpty(there.mountpoint))) await fillOld(store, there, open(), point.Destination, operation);
    } else if (!made.some(({ name }) => name === plan.name)) {
      const draft = await store.draftFolder('volume');
      made.push({ name: plan.name, document: plan.document, draft, event: { action: 'create', attributes: { driver: 'local' } } });
      const data = join(draft.path, '_data');
      await mkdir(data);
      const mode = copy ? await fill(data, open(), point.Destination, operation) : undefined;
      // Whatever this user's umask: whoever runs in the container looks in.
      await chmod(data, mode ?? 0o755);
    }
  }
  return points;
}

async function isEmpty(folder: string): Promise<boolean> {
  return lookAt(folder) !== undefined && (await readdir(folder)).length === 0;
}

/** What the image has at a path, with the folder's own owner. @returns the mode that it is to have when it is in its place; undefined where the image has no folder there */
async function fill(folder: string, files: ContainerFiles, path: string, { signal }: Operation): Promise<number | undefined> {
  const source = await files.find(path, true);
  if (!source) return undefined;
  // A folder in the place of a file would hide it from whoever looks for it.
  if (source.type !== 'directory') throw new ImageError('invalid-argument', `source ${path} is not directory`, { detail: { path } });
  await fillFolder(folder, readTar(files.read(source, '.', signal), { signal }), { signal });
  const entry = files.union.lookup(`/${source.path}`)?.entry;
  if (entry && process.getuid?.() === 0) await lchown(folder, entry.uid, entry.gid);
  return source.mode;
}

/** The folder of an empty volume is taken in exchange for a full one, in one step: whoever puts something into it in this moment keeps it. */
async function fillOld(store: ImageStore, volume: VolumeRecord, files: ContainerFiles, path: string, operation: Operation): Promise<void> {
  await using draft = await store.draftFolder('volume');
  const full = join(draft.path, '_data');
  await mkdir(full);
  const mode = await fill(full, files, path, operation);
  if (mode === undefined) return;
  using _use = await store.useToWrite(operation.signal);
  const { mountpoint } = await store.volume(volume.name);
  try {
    if (process.platform === 'win32') await rmdir(mountpoint);
    await rename(full, mountpoint);
    // Not before: an ordinary user moves no folder that forbids writing.
    await chmod(mountpoint, mode);
  } catch (error) {
    // The store was moved to another disk since it was filled.
    if (isSystemError(error, 'EXDEV')) return await fillOld(store, volume, files, path, operation);
    if (!isSystemError(error, 'ENOTEMPTY', 'EEXIST', 'ENOENT')) throw error;
  }
}
