import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import type { Image } from '../content/image.ts';
import { ImageError } from '../errors.ts';
import type { WriteTarOptions } from '../formats/tar/write-tar.ts';
import type { Operation } from '../io/operation.ts';
import type { Change } from '../layers/changes.ts';
import type { Tree } from '../layers/tree.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import type { ImageStore } from '../store/image-store.ts';
import { readDocument, type ContainerDocument } from './container-document.ts';
import type { ContainerFile, ContainerFiles, OpenMount } from './container-files.ts';
import type { LayOut } from './lay-out.ts';
import type { MountPoint } from './mount-points.ts';

/** A path of a container, as docker's `X-Docker-Container-Path-Stat` says it; `mode` has the bits of Go's FileMode. */
export interface PathStat {
  readonly name: string;
  readonly size: number;
  readonly mode: number;
  readonly mtime: string;
  /** Where a link leads, all links resolved. */
  readonly linkTarget: string;
}

export interface ContainerSizes {
  /** Bytes of files that were made or changed. */
  readonly changed: number;
  /** Those, and all of the image's layers. */
  readonly all: number;
}

/** One container: its record as it was when it was asked for, and its files as they are. */
export class Container {
  readonly record: ContainerRecord;
  readonly document: ContainerDocument;
  readonly #store: ImageStore;
  readonly #layOut: LayOut;
  readonly #asked: string;

  /** @param asked what its user called it, for messages */
  constructor(store: ImageStore, layOut: LayOut, record: ContainerRecord, asked = record.name) {
    this.record = record;
    this.document = readDocument(record);
    this.#store = store;
    this.#layOut = layOut;
    this.#asked = asked;
  }

  get id(): string {
    return this.record.id;
  }

  get name(): string {
    return this.record.name;
  }

  get #os(): string {
    return this.document.platform.os;
  }

  /** What events say of it, beside what is particular to one. */
  get attributes(): Readonly<Record<string, string>> {
    return { ...this.document.config.Labels, image: this.record.image, name: this.name };
  }

  /** The image that it stands on. */
  async image(operation: Operation = {}): Promise<Image> {
    const { Image: Opened } = await import('../content/image.ts');
    return Opened.open(this.#store, this.record.manifest, operation);
  }

  /** What was changed in it, in the order of paths. */
  async changes(operation: Operation = {}): Promise<readonly Change[]> {
    const { changes } = await import('../layers/changes.ts');
    using files = await this.#open(operation);
    return [...changes(files.union)];
  }

  /** @throws ImageError `not-found`, with docker's text */
  async stat(path: string, operation: Operation = {}): Promise<PathStat> {
    using files = await this.#open(operation);
    return await statOf(files, await this.#find(files, path), lastPart(path, this.#os));
  }

  /** The tree at a path as a tar, its names as docker gives them: they begin with the last part of the path as it was asked for. Read or destroy the tar. */
  async read(path: string, operation: Operation = {}): Promise<{ readonly stat: PathStat; readonly tar: Readable }> {
    const files = await this.#open(operation);
    try {
      const file = await this.#find(files, path);
      const stat = await statOf(files, file, lastPart(path, this.#os));
      return { stat, tar: closing(files.read(file, entryName(path, this.#os), operation.signal), files) };
    } catch (error) {
      files[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Puts a tar, packed or not, into the folder at a path: all of it or nothing, but in mounts.
   * @throws ImageError `not-found`, `invalid-argument`, `denied`, with docker's texts; `invalid-content`
   */
  async write(
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options: Operation & {
      readonly noOverwriteDirNonDir?: boolean | undefined;
      readonly copyOwner?: boolean | undefined;
      readonly now: Date;
    },
  ): Promise<void> {
    const { findOwner } = await import('./find-owner.ts');
    using files = await this.#open(options, true);
    const folder = await this.#find(files, path, true);
    const { noOverwriteDirNonDir, now, signal } = options;
    const { User } = this.document.config;
    await files.write(folder, tar, {
      noOverwriteDirNonDir,
      owner: options.copyOwner && User !== '' ? await findOwner(files, User) : undefined,
      readonlyRoot: this.document.host.ReadonlyRootfs,
      now,
      signal,
    });
  }

  /** All files as a tar, without what is mounted. Read or destroy it. */
  async export(operation: Operation = {}): Promise<Readable> {
    const { exportTar } = await import('../layers/export-tree.ts');
    const files = await this.#open(operation);
    return closing(exportTar(files.union, '', { prefix: '', signal: operation.signal }), files);
  }

  /** The tar of a layer with what was changed; undefined where nothing was. Read or destroy it. */
  async layer(operation: Operation & Pick<WriteTarOptions, 'pool'> = {}): Promise<Readable | undefined> {
    const { changes } = await import('../layers/changes.ts');
    const { layerTar } = await import('../layers/write-layer.ts');
    const files = await this.#open(operation);
    const [first] = changes(files.union);
    if (first) return closing(layerTar(files.union, { signal: operation.signal, pool: operation.pool }), files);
    files[Symbol.dispose]();
    return undefined;
  }

  async sizes(operation: Operation = {}): Promise<ContainerSizes> {
    using files = await this.#open(operation);
    const changed = files.union.upper?.size ?? 0;
    return { changed, all: files.union.layers.reduce((sum, { size }) => sum + size, changed) };
  }

  /** Bytes on the disk that would be free without it. */
  async diskBytes(): Promise<number> {
    const { folderSize } = await import('./host-folder.ts');
    return folderSize(await this.#store.containerFolder(this.id, { make: false }));
  }

  /** Its volumes that were never given a name. */
  async anonymousVolumes(): Promise<readonly string[]> {
    const { anonymousLabel, readVolume } = await import('./volumes.ts');
    const own = new Set(this.record.volumes);
    return (await this.#store.volumes())
      .filter((volume) => own.has(volume.name) && Object.hasOwn(readVolume(volume).labels ?? {}, anonymousLabel))
      .map(({ name }) => name);
  }

  async #open(operation: Operation, writing = false): Promise<ContainerFiles> {
    const { Tree: Opened } = await import('../layers/tree.ts');
    const { ContainerFiles: Files } = await import('./container-files.ts');
    const image = await this.image(operation);
    // Laying out takes its time: who writes keeps the store in its place only afterwards.
    if (writing) await this.#layOut.image(image, { signal: operation.signal });
    const use = writing ? await this.#store.useToWrite(operation.signal) : this.#store.use();
    const layers: Tree[] = [];
    try {
      const folders = await this.#layOut.image(image, { signal: operation.signal });
      const changesFolder = await this.#store.containerFolder(this.id, { make: writing });
      const mounts = await this.#mounts();
      for (const folder of folders) layers.push(Opened.open(folder));
      return new Files(layers, changesFolder, mounts, this.#os, use);
    } catch (error) {
      for (const layer of layers) layer.close();
      use[Symbol.dispose]();
      throw error;
    }
  }

  async #mounts(): Promise<readonly OpenMount[]> {
    const { subfolder } = await import('./container-files.ts');
    const open: OpenMount[] = [];
    for (const mount of this.document.mounts) {
      if (mount.Type === 'bind') open.push({ ...mount, folder: mount.Source });
      else if (mount.Type === 'volume' && mount.Name !== undefined)
        open.push({ ...mount, folder: subfolder((await this.#store.volume(mount.Name)).mountpoint, this.#subpath(mount), this.#os) });
    }
    return open;
  }

  /** Of a volume that is mounted by one of its folders. */
  #subpath({ Destination }: OpenMount | MountPoint): string {
    const asked = this.document.host.Mounts?.find(({ Target }) => Target?.replace(/(?<=.)[\\/]+$/, '') === Destination);
    return asked?.VolumeOptions?.Subpath ?? '';
  }

  /** A slash at the end, or a dot after it, follows a link: `/link/.` is what the link leads to. */
  async #find(files: ContainerFiles, path: string, into = false): Promise<ContainerFile> {
    if (path === '') throw new ImageError('invalid-argument', 'bad parameter: path cannot be empty');
    const isWindows = this.#os === 'windows';
    const isFolder = (isWindows ? /(?:^(?:[A-Za-z]:)?|[\\/])\.?$/ : /(?:^|\/)\.?$/).test(path);
    const file = await files.find(path, into || isFolder);
    // A slash, or a dot after it, says that it is a folder.
    if (file && file.type !== 'directory' && isFolder)
      throw new ImageError('invalid-argument', `lstat ${path}: not a directory`, { detail: { path } });
    if (!file) {
      const shown = path.replace(isWindows ? /(?<=.)[\\/]\.$/ : /(?<=.)\/\.$/, '');
      throw new ImageError('not-found', `Could not find the file ${shown} in container ${this.#asked}`, { detail: { path: shown } });
    }
    return file;
  }
}

/** Go's `os.FileMode` beside the permission bits. */
const goMode = { directory: 2 ** 31, symlink: 2 ** 27, device: 2 ** 26, fifo: 2 ** 25, socket: 2 ** 24, setuid: 2 ** 23, setgid: 2 ** 22 };
const goCharDevice = 2 ** 21;
const goSticky = 2 ** 20;

async function statOf(files: ContainerFiles, file: ContainerFile, name: string): Promise<PathStat> {
  const { type, mode, size, mtime, linkTarget } = file;
  const bits =
    type === 'character-device'
      ? goMode.device + goCharDevice
      : type === 'block-device'
        ? goMode.device
        : type === 'file' || type === 'whiteout'
          ? 0
          : goMode[type];
  return {
    name,
    size: type === 'symlink' ? Buffer.byteLength(linkTarget ?? '') : size,
    mode:
      bits + (mode & 0o777) + (mode & 0o4000 ? goMode.setuid : 0) + (mode & 0o2000 ? goMode.setgid : 0) + (mode & 0o1000 ? goSticky : 0),
    mtime: goTime(mtime.seconds, mtime.nanoseconds),
    linkTarget: type === 'symlink' ? `/${await files.evaluate(`/${file.path}`)}` : '',
  };
}

/** RFC 3339 with as many digits of a second as are not zero. */
function goTime(seconds: number, nanoseconds: number): string {
  const whole = new Date(seconds * 1000).toISOString().replace(/\.000Z$/, '');
  const part = nanoseconds === 0 ? '' : `.${String(nanoseconds).padStart(9, '0').replace(/0+$/, '')}`;
  return `${whole}${part}Z`;
}

/** Go's `filepath.Base`: a backslash is a separator on Windows alone. */
function lastPart(path: string, os: string): string {
  return /([^/]+)\/*$/.exec(withSlashes(path, os))?.[1] ?? '/';
}

/** What the tar calls what a path leads to: never `..`, which every client refuses, for it leads out of where the tar goes. */
function entryName(path: string, os: string): string {
  const last = lastPart(path, os);
  return last === '..' ? lastPart(posix.normalize(`/${withSlashes(path, os)}`), os) : last;
}

function withSlashes(path: string, os: string): string {
  return os === 'windows' ? path.replace(/^[A-Za-z]:/, '').replaceAll('\\', '/') : path;
}

/** Files are closed with the stream that reads them. */
function closing(stream: Readable, files: ContainerFiles): Readable {
  stream.once('close', () => files[Symbol.dispose]());
  return stream;
}
