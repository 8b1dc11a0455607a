import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import { renameOver, syncFolder, writeFileAtomic } from '../io/atomic-file.ts';
import { canceled } from '../io/concurrently.ts';
import { digestMismatch, readBytes } from '../io/verified.ts';
import { isObject } from '../model/descriptor.ts';
import { digestFrom, isDigest, type Digest } from '../model/digest.ts';

/** What is being downloaded. */
export interface Wanted {
  readonly sha256: Digest;
  /** Bytes. */
  readonly size: number;
}

/** What stands in the file beside a draft: which content it is the start of, and who writes it now. */
interface State extends Wanted {
  readonly validator?: string;
  readonly owner?: { readonly host: string; readonly pid: number };
}

/** Drafts that this process writes, by their paths. */
const active = new Set<string>();

/**
 * The start of a file that is being downloaded: `NAME.part` beside its place, and `NAME.part.json` that says of which content. Both outlive a failure and the process, and the
 * next download of the same content goes on with them; of another content they are begun anew. One process at a time.
 */
export class DownloadDraft implements AsyncDisposable {
  readonly #path: string;
  readonly #wanted: Wanted;
  readonly #file: FileHandle;
  #hash: Hash = createHash('sha256');
  #size = 0;
  #restarts = 0;
  #validator: string | undefined;
  #ended = false;

  private constructor(path: string, wanted: Wanted, file: FileHandle) {
    this.#path = path;
    this.#wanted = wanted;
    this.#file = file;
  }

  /** @throws ImageError `conflict` where somebody else is downloading it there; `permission`, `disk-full`, `canceled` */
  static async take(path: string, wanted: Wanted, signal?: AbortSignal): Promise<DownloadDraft> {
    if (active.has(path)) throw taken(path, process.pid);
    active.add(path);
    try {
      const before = await claim(path, wanted);
      // Never through a link: the folder may be one that others write to.
      const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
      const draft = new DownloadDraft(path, wanted, await open(partOf(path), flags, 0o644));
      await draft.#goOn(before, signal);
      return draft;
    } catch (error) {
      active.delete(path);
      throw asImageError(error, `cannot write ${path}`);
    }
  }

  /** Bytes that are there. */
  get size(): number {
    return this.#size;
  }

  /** How often what was there has been forgotten. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Which version of the file they are of, where the place has said it. */
  get validator(): string | undefined {
    return this.#validator;
  }

  async #goOn(before: State | undefined, signal: AbortSignal | undefined): Promise<void> {
    try {
      const { size } = await this.#file.stat();
      const fits =
        before !== undefined && before.sha256 === this.#wanted.sha256 && before.size === this.#wanted.size && size <= before.size;
      if (!fits) return await this.restart();
      this.#validator = before.validator;
      for await (const chunk of this.#file.createReadStream({ autoClose: false, start: 0, highWaterMark: 1024 * 1024 })) {
        if (signal?.aborted) throw canceled(signal.reason);
        this.#hash.update(chunk as Buffer);
        this.#size += (chunk as Buffer).length;
      }
    } catch (error) {
      await this.#file.close();
      throw error;
    }
  }

  /** Forgets what is there. */
  async restart(): Promise<void> {
    await this.#file.truncate(0);
    this.#hash = createHash('sha256');
    this.#size = 0;
    this.#restarts++;
    this.#validator = undefined;
  }

  /** Keeps which version of the file this is, for whoever goes on with it. */
  async keepValidator(validator: string | undefined): Promise<void> {
    if (validator === this.#validator) return;
    this.#validator = validator;
    await this.#writeState(owner());
  }

  /** @throws ImageError `size-mismatch` for a byte more than there can be, before it is written; `disk-full` */
  async append(chunk: Uint8Array): Promise<void> {
    if (this.#size + chunk.length > this.#wanted.size)
      throw new ImageError('size-mismatch', `more bytes than the ${this.#wanted.size} that the catalogue says`);
    const writing = this.#write(chunk, this.#size);
    // Hashed while the disk takes it.
    this.#hash.update(chunk);
    await writing;
    this.#size += chunk.length;
  }

  async #write(chunk: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < chunk.length;) done += (await this.#file.write(chunk, done, chunk.length - done, at + done)).bytesWritten;
  }

  /** @throws ImageError `digest-mismatch` */
  verify(): void {
    const actual = digestFrom('sha256', this.#hash.copy().digest('hex'));
    if (actual !== this.#wanted.sha256) throw digestMismatch({ digest: this.#wanted.sha256 }, actual);
  }

  /** Puts the file in its place, in one step. */
  async finish(): Promise<void> {
    await this.#file.sync();
    await this.#end();
    await renameOver(partOf(this.#path), this.#path);
    await rm(stateOf(this.#path), { force: true });
    await syncFolder(dirname(this.#path));
  }

  /** Removes what is there: it is not what was wanted. */
  async drop(): Promise<void> {
    await this.#end();
    await rm(partOf(this.#path), { force: true });
    await rm(stateOf(this.#path), { force: true });
  }

  /** Leaves what is there for whoever goes on with it; nothing where there is nothing. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    if (this.#size === 0) return this.drop();
    await this.#end();
    await this.#writeState();
  }

  async #end(): Promise<void> {
    this.#ended = true;
    active.delete(this.#path);
    await this.#file.close();
  }

  async #writeState(by?: State['owner']): Promise<void> {
    await writeFileAtomic(stateOf(this.#path), stateText({ ...this.#wanted, validator: this.#validator, owner: by }));
  }
}

function partOf(path: string): string {
  return `${path}.part`;
}

function stateOf(path: string): string {
  return `${path}.part.json`;
}

function owner(): NonNullable<State['owner']> {
  return { host: hostname(), pid: process.pid };
}

function stateText(state: Readonly<Record<keyof State, unknown>>): string {
  return `${JSON.stringify(state)}\n`;
}

/** Makes the draft this process's. @returns what it was the start of, where there was one */
async function claim(path: string, wanted: Wanted): Promise<State | undefined> {
  let before: State | undefined;
  for (let tries = 0; tries < 20; tries++) {
    try {
      const file = await open(stateOf(path), 'wx', 0o644);
      try {
        await file.writeFile(stateText({ ...wanted, validator: before?.validator, owner: owner() }));
      } finally {
        await file.close();
      }
      return before;
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
    }
    const state = await readState(path);
    if (state?.owner && isAlive(state.owner)) throw taken(path, state.owner.pid);
    // Of several that find it left behind, one gets it: a name can be moved away only once.
    try {
      await rename(stateOf(path), `${stateOf(path)}.old`);
      await rm(`${stateOf(path)}.old`, { force: true });
      before = state;
    } catch (error) {
      if (!isSystemError(error, 'ENOENT')) throw error;
    }
  }
  throw taken(path);
}

/** Undefined for what is none of ours. */
async function readState(path: string): Promise<State | undefined> {
  let file: FileHandle;
  try {
    file = await open(stateOf(path), constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    const value: unknown = JSON.parse((await readBytes(file.createReadStream({ autoClose: false }), 64 * 1024, path)).toString());
    if (!isObject(value) || !isDigest(value.sha256) || typeof value.size !== 'number') return undefined;
    const { sha256, size, validator, owner: by } = value;
    return {
      sha256,
      size,
      ...(typeof validator === 'string' ? { validator } : {}),
      ...(isObject(by) && typeof by.host === 'string' && Number.isInteger(by.pid)
        ? { owner: { host: by.host, pid: by.pid as number } }
        : {}),
    };
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}

function isAlive({ host, pid }: NonNullable<State['owner']>): boolean {
  // What another machine does on a shared disk cannot be seen from here. A process that has our own number is not us: we would have known it.
  if (host !== hostname()) return true;
  if (pid === process.pid || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isSystemError(error, 'EPERM');
  }
}

function taken(path: string, pid?: number): ImageError {
  return new ImageError('conflict', `${path} is being downloaded by another process${pid === undefined ? '' : ` (${pid})`}`, {
    hint: `Wait for it, or choose another destination. If there is no such process, remove ${stateOf(path)}.`,
  });
}
