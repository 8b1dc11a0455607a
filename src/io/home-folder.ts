import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import { makeFolderPath } from './make-folder-path.ts';
import { refuseOddPath } from './path-rules.ts';
import { userFolder } from './user-folder.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where everything of the user's is: `BAY_HOME`, or the user's data folder. Made by whoever writes into it first. */
function homeFolder(env: Environment): string {
  if (env.BAY_HOME) return resolve(env.BAY_HOME);
  if (process.platform === 'win32') return join(env.LOCALAPPDATA || join(userFolder(), 'AppData', 'Local'), 'bayplan');
  if (process.platform === 'darwin') return join(userFolder(), 'Library', 'Application Support', 'bayplan');
  // The XDG base directory specification: a relative path is to be ignored.
  const data = env.XDG_DATA_HOME;
  return join(data && isAbsolute(data) ? data : join(userFolder(), '.local', 'share'), 'bayplan');
}

/** What `config.json` in the home folder may say. */
interface Settings {
  /** Where the store is, when it was moved; relative to the home folder. */
  readonly store?: string;
  /** How layers that are made here are compressed. */
  readonly compression?: 'gzip' | 'zstd';
}

/** All that is in `config.json`; keys that nobody here knows are whoever else's. Empty where there is no file. @throws ImageError `invalid-config` */
function readDocument(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return {};
    throw refused(error, `cannot read ${path}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw invalid(path, 'not JSON', cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(path, 'not an object');
  return value as Record<string, unknown>;
}

/** Another user's folder, a home that is not there, a file in its place: what is to be done is the same. */
function refused(error: unknown, what: string): ImageError {
  const { code, message, hint = 'Choose a folder of your own with BAY_HOME.' } = asImageError(error, what);
  return new ImageError(code, message, { hint, cause: error });
}

/** @throws ImageError `invalid-config` */
function readSettings(home: string): Settings {
  const path = join(home, 'config.json');
  const { store, compression } = readDocument(path);
  if (store !== undefined && (typeof store !== 'string' || store === '')) throw invalid(path, '"store" is not a path');
  if (compression !== undefined && compression !== 'gzip' && compression !== 'zstd')
    throw invalid(path, '"compression" is neither "gzip" nor "zstd"');
  return { ...(store === undefined ? {} : { store }), ...(compression === undefined ? {} : { compression }) };
}

function invalid(path: string, why: string, cause?: unknown): ImageError {
  return new ImageError('invalid-config', `${path}: ${why}`, { hint: 'Mend the file, or remove it to go back to the defaults.', cause });
}

/**
 * Reads `config.json`, has it changed, and puts the new file in the place of the old: a reader, and a process after a crash, sees the one or the other. One process at a time, so that
 * nobody's change is lost. The file and its folder are made where they are not there.
 * @param change gets all that is in the file, `{}` where there is none, and returns all that is to be in it: keys that it does not know it must pass on. The same object means no
 *   change, and nothing is written
 * @throws ImageError `invalid-config` for a file that is not one JSON object: it stays as it is; `permission`, `disk-full`; `unavailable` where another process holds it for a minute;
 *   whatever `change` throws
 */
export async function changeSettings(
  env: Environment,
  change: (current: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>,
): Promise<void> {
  await withSettingsLocked(env, async () => {
    const path = join(homeFolder(env), 'config.json');
    const current = readDocument(path);
    const next = change(current);
    if (next === current) return;
    const { writeFileAtomic } = await import('./atomic-file.ts');
    await writeFileAtomic(path, `${JSON.stringify(next, undefined, 2)}\n`);
  });
}

/** Runs `act` while no other process changes the settings. @throws ImageError as `changeSettings` */
export async function withSettingsLocked<T>(env: Environment, act: () => Promise<T>): Promise<T> {
  const home = homeFolder(env);
  try {
    makeFolderPath(home, 0o700);
  } catch (error) {
    throw refused(error, `cannot make ${home}`);
  }
  // Lists start with this file, and change nothing.
  const { FolderLock } = await import('./folder-lock.ts');
  await using _lock = await FolderLock.take(join(home, 'config.json.lock'));
  return await act();
}

/** The folder of the store: `store` in the home folder, or where the settings say. @throws ImageError `invalid-config`, `invalid-argument` for a name that Windows does not allow */
export async function storeFolder(env: Environment): Promise<string> {
  const home = homeFolder(env);
  const folder = resolve(home, readSettings(home).store ?? 'store');
  refuseOddPath(folder);
  return folder;
}

/**
 * Refuses a store that was moved and is not there: a new one in its place would have nothing in it, and hide that the disk of the other is not mounted.
 * @throws ImageError `store-unusable`
 */
export function refuseLostStore(env: Environment): void {
  const home = homeFolder(env);
  const { store } = readSettings(home);
  if (store === undefined) return;
  const folder = resolve(home, store);
  if (existsSync(folder)) return;
  throw new ImageError(
    'store-unusable',
    `cannot use the store ${folder}: it is not there, and ${join(home, 'config.json')} says that it was moved there`,
    {
      hint: `Mount the disk that it is on. If it has gone for good, make an empty folder of that name, or remove "store" from that file, for a new store.`,
      detail: { path: folder },
    },
  );
}

/** What the settings say of where base images are found, unread; undefined where they say nothing. @throws ImageError `invalid-config` */
export function sourceSettings(env: Environment): unknown {
  return readDocument(join(homeFolder(env), 'config.json')).sources;
}

/** Where what is downloaded to be installed lies until then, so that a later run can go on with it. Made by whoever writes into it first. */
export function downloadFolder(env: Environment): string {
  return join(homeFolder(env), 'downloads');
}

/** Where the sample base image lies that a new store is shown with. */
export function samplesFolder(env: Environment): string {
  return join(homeFolder(env), 'samples');
}

/** Writes down where the store is from now on; what lies in the home folder by its path from there, so that the home folder may be moved. @param where absolute; asked while nobody else changes the settings @throws as `changeSettings` */
export async function setStoreFolder(env: Environment, where: () => string): Promise<void> {
  await changeSettings(env, (current) => {
    const folder = where();
    const inside = relative(homeFolder(env), folder);
    const store = inside === '' || inside.startsWith('..') || isAbsolute(inside) ? folder : inside.replaceAll('\\', '/');
    const { store: before, ...others } = current;
    if (store === 'store') return before === undefined ? current : others;
    return before === store ? current : { ...others, store };
  });
}

/** How layers that are made here are compressed, where the settings say it. @throws ImageError `invalid-config` */
export function configuredCompression(env: Environment): 'gzip' | 'zstd' | undefined {
  return readSettings(homeFolder(env)).compression;
}

/**
 * Where the Docker Engine door is opened by default: a socket in the user's runtime folder, or beside a store that `BAY_HOME` chose, so that two of them can be
 * open at once; on Windows a pipe.
 */
export function defaultDockerSocket(env: Environment): string {
  if (process.platform === 'win32') return String.raw`\\.\pipe\bayplan`;
  // The XDG base directory specification, as above. Without a session, in a container or under sudo, what it names need not be there, or be ours.
  const runtime = env.XDG_RUNTIME_DIR;
  const folder =
    !env.BAY_HOME && runtime && isAbsolute(runtime) && isWritable(runtime) ? join(runtime, 'bayplan') : join(homeFolder(env), 'run');
  return join(folder, 'docker.sock');
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
