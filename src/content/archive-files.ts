import type { Readable } from 'node:stream';
import { ImageError } from '../errors.ts';
import { readBytes } from '../io/verified.ts';
import type { Digest } from '../model/digest.ts';
import type { OpenOptions } from './image-source.ts';

/** A file of an archive. Its bytes can be asked for again and again. */
export interface ArchiveFile {
  readonly size: number;
  /** Of its bytes, where they have been read: an archive that was poured. */
  readonly digest?: Digest;
  open(options?: OpenOptions): Promise<Readable>;
}

/** More than any chain of links that a tool has made. */
const maxHops = 32;

/**
 * The files of an archive by path, with the links between them. Nothing is ever unpacked: a path is a key and no place on disk,
 * and one that leads out of the archive is refused.
 */
export class ArchiveFiles {
  readonly #files = new Map<string, ArchiveFile>();
  readonly #links = new Map<string, { readonly to: string; readonly isHard: boolean }>();
  readonly #repeated = new Set<string>();

  /** `path` as `entryPath` gives it. */
  add(path: string, file: ArchiveFile): void {
    this.#claim(path);
    this.#files.set(path, file);
  }

  addLink(path: string, to: string, isHard: boolean): void {
    this.#claim(path);
    this.#links.set(path, { to, isHard });
  }

  get count(): number {
    return this.#files.size;
  }

  has(path: string): boolean {
    return this.#files.has(path) || this.#links.has(path);
  }

  /**
   * The file at a path, through links; undefined where there is none.
   * @throws ImageError `invalid-content` for links that lead out or in circles, and for a path that two entries have: readers differ on which of them counts
   */
  find(path: string): ArchiveFile | undefined {
    const waiting = path.split('/').reverse();
    let at: string[] = [];
    for (let hops = 0; waiting.length > 0;) {
      const part = waiting.pop();
      if (part === undefined || part === '' || part === '.') continue;
      if (part === '..') {
        if (at.pop() === undefined) throw new ImageError('invalid-content', `${shown(path)} leads out of the archive`);
        continue;
      }
      at.push(part);
      const here = at.join('/');
      if (this.#repeated.has(here))
        throw new ImageError('invalid-content', `the archive has two entries named ${shown(here)}, and it is not clear which is meant`);
      const link = this.#links.get(here);
      if (!link) continue;
      if (++hops > maxHops) throw new ImageError('invalid-content', `${shown(path)} is a link that leads in a circle, or too far`);
      if (link.to.startsWith('/'))
        throw new ImageError('invalid-content', `${shown(here)} is a link that leads out of the archive, to ${shown(link.to)}`);
      if (link.isHard) at = [];
      else at.pop();
      waiting.push(...link.to.split('/').reverse());
    }
    return this.#files.get(at.join('/'));
  }

  /** @throws ImageError `too-large` before a byte is read, and as `find` */
  async read(path: string, limit: number): Promise<Buffer | undefined> {
    const file = this.find(path);
    return file && readSmall(file, path, limit);
  }

  #claim(path: string): void {
    if (this.has(path)) this.#repeated.add(path);
  }
}

/** @throws ImageError `too-large` before a byte is read */
export async function readSmall(file: ArchiveFile, path: string, limit: number): Promise<Buffer> {
  if (file.size > limit) throw new ImageError('too-large', `${shown(path)} of ${file.size} bytes is larger than ${limit} bytes`);
  return readBytes(await file.open(), limit, path);
}

/**
 * An entry's path without `./` and doubled slashes.
 * @throws ImageError `invalid-content` for one that leads out of the archive: no tool makes one, and the next reader may follow it
 */
export function entryPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (path.startsWith('/') || parts.includes('..'))
    throw new ImageError('invalid-content', `the archive has an entry that leads out of it: ${shown(path)}`);
  return parts.join('/');
}

function shown(path: string): string {
  return JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
}
