import { accessSync, constants, mkdirSync, readdirSync, realpathSync, statfsSync, statSync, type Stats } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import { digestAlgorithm, digestHex, type Digest, type DigestAlgorithm } from '../model/digest.ts';
import { makeFolderPath } from '../io/make-folder-path.ts';

/**
 * Where everything of one store lies: an OCI image layout (image-spec image-layout.md), with what is ours alone below `bay/`, where no other tool looks.
 * Paths are built from nothing but a `Digest` and names of our own making.
 */
export class Place {
  readonly root: string;

  constructor(folder: string) {
    this.root = resolve(folder);
  }

  get layoutFile(): string {
    return join(this.root, 'oci-layout');
  }

  get indexFile(): string {
    return join(this.root, 'index.json');
  }

  get blobs(): string {
    return join(this.root, 'blobs');
  }

  blobFolder(algorithm: DigestAlgorithm): string {
    return join(this.root, 'blobs', algorithm);
  }

  blob(digest: Digest): string {
    return join(this.root, 'blobs', digestAlgorithm(digest), digestHex(digest));
  }

  get own(): string {
    return join(this.root, 'bay');
  }

  get databaseFile(): string {
    return join(this.root, 'bay', 'store.sqlite');
  }

  /** Files on their way in: those of a lease in a folder of its name, what can be resumed by anybody in `free`, the rest for one writer alone. */
  get drafts(): string {
    return join(this.root, 'bay', 'drafts');
  }

  get freeDrafts(): string {
    return join(this.root, 'bay', 'drafts', 'free');
  }

  /** Room that is given up when the disk is full, so that the database can still be opened, and something removed. */
  get reserve(): string {
    return join(this.root, 'bay', 'reserve');
  }

  /** Layers laid out, each once: a folder for each diff ID. */
  get trees(): string {
    return join(this.root, 'bay', 'trees');
  }

  tree(diffId: Digest): string {
    return join(this.root, 'bay', 'trees', `${digestAlgorithm(diffId)}-${digestHex(diffId)}`);
  }

  /** What was changed on top of images: a folder for each container that has changed something. */
  get containers(): string {
    return join(this.root, 'bay', 'containers');
  }

  get volumes(): string {
    return join(this.root, 'bay', 'volumes');
  }

  /** Files on their way out. */
  get trash(): string {
    return join(this.root, 'bay', 'trash');
  }

  /** What a move is about, in the place that it leaves and in the one that it goes to, until all is done (move-note.ts). */
  get moveNote(): string {
    return join(this.root, 'bay', 'move.json');
  }

  /** Whoever moves the store has this lock alone until it is there. */
  get moveLock(): string {
    return join(this.root, 'bay', 'move.lock');
  }

  /** Shared by those who change the files of containers and volumes. */
  get writersLock(): string {
    return join(this.root, 'bay', 'writers.lock');
  }

  /** True for a path below it. */
  holds(path: string): boolean {
    return path.startsWith(this.root.endsWith(sep) ? this.root : `${this.root}${sep}`);
  }
}

/** True where the place is there to be read, and this user cannot write it: on a read-only mount, or another's that lets one read. */
export function onlyReads(place: Place): boolean {
  return !mayWrite(place) && allows(place.own, constants.R_OK | constants.X_OK);
}

export function mayWrite(place: Place): boolean {
  return allows(place.own, constants.W_OK);
}

/** True where this user may read the database, or there is none. */
export function mayRead(place: Place): boolean {
  return allows(place.databaseFile, constants.R_OK);
}

/** @param mode as `access` takes it */
function allows(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch (error) {
    return !isSystemError(error, 'EROFS', 'EACCES', 'EPERM');
  }
}

/** File systems of other machines, by `f_type` (linux/magic.h): SQLite's shared memory and our renames are not safe there. FUSE and virtiofs are let in: most are local. */
const networks: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0x01021997, '9p'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x73757245, 'Coda'],
  [0x564c, 'NCP'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
]);

/**
 * Says whether a folder may be a store of ours: there, or to be made; this user's; on a disk of this machine.
 * @returns `store` where there is a layout, `new` where there is nothing or an interrupted beginning of ours
 * @throws ImageError `store-unusable` with the reason
 */
export function judgePlace(place: Place): 'store' | 'new' {
  refuseNetwork(place.root);
  const folder = statIfThere(place.root);
  if (!folder) return 'new';
  if (!folder.isDirectory()) throw unusable(place, 'it is not a folder', 'Choose another place with BAY_HOME.');
  const user = process.getuid?.();
  // Whoever only can read it leaves nothing there that its owner could not change.
  if (user !== undefined && folder.uid !== user && !onlyReads(place)) {
    throw unusable(
      place,
      `it belongs to user ${folder.uid}, and a store is used by its owner alone (this is user ${user})`,
      "Use it through its owner's server instead: `bay serve --docker-socket PATH`, with a path that you may open, and here DOCKER_HOST=unix://PATH for docker's client.",
    );
  }
  if (statIfThere(place.layoutFile)) return 'store';
  const ours = new Set(['bay', 'blobs', 'index.json']);
  const strange = readdirSync(place.root).find((name) => !ours.has(name) && !/^(?:oci-layout|index\.json)\.[0-9a-f]+\.tmp$/.test(name));
  // Another process may have made it since we looked.
  if (strange !== undefined && statIfThere(place.layoutFile)) return 'store';
  if (strange !== undefined)
    throw unusable(
      place,
      `it is neither empty nor an OCI image layout (there is ${JSON.stringify(strange)} in it)`,
      'Choose an empty folder.',
    );
  return 'new';
}

/**
 * On Windows a share is known by its path, and what leads to one (a drive's letter, a link) by the path that it stands for.
 * @throws ImageError `store-unusable`
 */
export function refuseNetwork(
  path: string,
  statfs: (path: string) => { type: number } = statfsSync,
  realPath: (path: string) => string = realpathSync.native,
  system: NodeJS.Platform = process.platform,
): void {
  const place = new Place(path);
  const why = (what: string) =>
    unusable(
      place,
      `it is on a network file system (${what}), where locks and atomic renames cannot be relied on`,
      'Keep the store on a disk of this machine; share it by `bay serve`.',
    );
  if (system === 'win32' && isShare(path)) throw why('a share');
  let existing = place.root;
  while (!statIfThere(existing) && dirname(existing) !== existing) existing = dirname(existing);
  if (system === 'win32') {
    if (isShare(reallyAt(existing, realPath))) throw why('a share');
    return;
  }
  // The kernel's magic is 32 bits; some systems give it with its sign.
  const name = networks.get(statfs(existing).type >>> 0);
  if (name !== undefined) throw why(name);
}

function reallyAt(path: string, realPath: (path: string) => string): string {
  try {
    return realPath(path);
  } catch {
    return path; // disks in memory cannot say: they are of this machine
  }
}

/** `//server/share`, and `//?/UNC/server/share` as long paths are written; `//?/C:/` is a drive. */
function isShare(path: string): boolean {
  return /^[\\/]{2}(?![?.][\\/])/.test(path) || /^[\\/]{2}[?.][\\/]UNC[\\/]/i.test(path);
}

/** Makes the store's own folders, for this user alone. What is there stays. @param root false: not in a folder that has just gone @throws ImageError */
export function makeFolders(place: Place, root = true): void {
  try {
    for (const folder of [
      ...(root ? [place.root] : []),
      place.blobs,
      place.blobFolder('sha256'),
      place.blobFolder('sha512'),
      place.own,
      place.drafts,
      place.freeDrafts,
      place.trees,
      place.containers,
      place.volumes,
      place.trash,
    ])
      if (root) makeFolderPath(folder, 0o700);
      else makeIfMissing(folder);
  } catch (error) {
    throw asImageError(error, `cannot make the store ${place.root}`);
  }
}

function makeIfMissing(folder: string): void {
  if (statIfThere(folder)) return;
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error;
  }
}

export function unusable(place: Place, why: string, hint?: string, cause?: unknown): ImageError {
  return new ImageError('store-unusable', `cannot use the store ${place.root}: ${why}`, { hint, detail: { path: place.root }, cause });
}

export function cannotWrite(place: Place, cause?: unknown): ImageError {
  return new ImageError('permission', `cannot write the store ${place.root}: it is read-only`, {
    hint: 'Mount it writable, or copy it to where you may write. What is in it can be listed, inspected, saved and pushed as it is.',
    cause,
  });
}

export function cannotRead(place: Place, cause?: unknown): ImageError {
  return new ImageError('permission', `cannot read the store ${place.root}: this user may not read its database`, {
    hint: `Its owner can let you: chmod a+r ${place.databaseFile}`,
    cause,
  });
}

/** The file's facts, or undefined where there is none. */
export function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw asImageError(error, `cannot look at ${path}`);
  }
}
