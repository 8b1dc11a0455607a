import { randomBytes } from 'node:crypto';
import { mkdir, open, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { asImageError, ImageError } from '../errors.ts';
import { decompress } from '../formats/compression/decompress.ts';
import { peekCompression } from '../formats/compression/detect.ts';
import type { Timestamp } from '../formats/tar/entry.ts';
import { TarParser } from '../formats/tar/parser.ts';
import { syncFolder } from '../io/atomic-file.ts';
import { applyTar, destination, type TarToApply } from './apply-tar.ts';
import { inWorker } from './tree-workers.ts';
import { Tree } from './tree.ts';
import { resolveStep, rootStep, Union } from './union.ts';
import { packPrefix, packVoidAfter, UpperChange, type UpperPlace } from './upper-change.ts';

export interface ExtractOptions {
  /** Refuses to put a file in the place of a folder, or a folder in that of a file, with docker's texts. */
  readonly noOverwriteDirNonDir?: boolean | undefined;
  /** Everything gets this owner, as docker's `copyUIDGID` gives it that of the container's user; default: as the archive says. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  /** The time that folders get in which something is made or removed. */
  readonly now: Date;
  readonly signal?: AbortSignal | undefined;
}

/** Archives of more entries are put in by a worker: their index alone would hold up who else is served here. */
const inlineEntries = 500;

/**
 * A container's changes on top of its image: a folder with an index and a pack for each act that brought content, made at the first change.
 *
 * Each change is all or nothing, also where the process is killed: content is written and made durable first, then one transaction of the index names it. Several processes may
 * change one container at once; they do it one after the other. What a killed act has left is removed by a later one.
 */
export class Upper {
  readonly folder: string;
  readonly below: Union;
  #tree: Tree | undefined;
  #union: Union | undefined;

  private constructor(folder: string, below: Union) {
    this.folder = folder;
    this.below = below;
  }

  /** `below`: the image's layers alone. Makes nothing: the folder need not exist before the first change. */
  static open(folder: string, below: Union): Upper {
    return new Upper(folder, below);
  }

  /** What is there now: the trees below with the changes, if there are any. Valid until `close`. */
  union(): Union {
    if (this.#union) return this.#union;
    this.#tree = Tree.find(this.folder);
    if (!this.#tree) return this.below;
    this.#union = new Union({ upper: this.#tree, layers: this.below.layers, os: this.below.os });
    return this.#union;
  }

  /**
   * Puts a tar (plain or compressed) into the folder that `path` names, a link followed: docker's rules (apply-tar.ts).
   *
   * @throws ImageError `not-found` where the folder is not there, `invalid-argument` where it is none or `noOverwriteDirNonDir` holds, `invalid-content` for what is no tar or leads
   *   out of the folder, `too-large`, `disk-full`, `canceled`; the source's own. Nothing is changed then.
   */
  async extract(path: string, tar: AsyncIterable<Uint8Array>, options: ExtractOptions): Promise<void> {
    this.#checkDestination(path);
    const pack = `${packPrefix}${randomBytes(12).toString('hex')}`;
    const file = join(this.folder, pack);
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      const isLarge = await keep(tar, file, options.signal);
      await syncFolder(this.folder);
      const { folder } = this;
      const { os } = this.below;
      const layers = this.#layers();
      const act: TarToApply = {
        folder,
        os,
        pack,
        path,
        layers: layers.map((index) => index.folder),
        noOverwriteDirNonDir: options.noOverwriteDirNonDir ?? false,
        owner: options.owner,
        now: timestamp(options.now),
      };
      if (isLarge) await inWorker('apply', act, { signal: options.signal });
      else await applyTar(act, options.signal, layers);
    } catch (error) {
      await rm(file, { force: true });
      throw asImageError(error, 'cannot copy into the container');
    }
    if (!this.#isKept(pack)) await rm(file, { force: true });
  }

  /** Takes a path away, with all below it; a link, not what it leads to. @throws ImageError `not-found`, `invalid-argument` for the root */
  async remove(path: string, options: { readonly now: Date; readonly signal?: AbortSignal | undefined }): Promise<void> {
    const place: UpperPlace = { folder: this.folder, layers: this.#layers(), os: this.below.os };
    const change = await UpperChange.begin(place, timestamp(options.now), options.signal);
    try {
      const step = resolveStep(change.stack, change.root, path, place.os, false);
      if (!step) throw new ImageError('not-found', `no such file or directory: ${path}`);
      if (!step.parent) throw new ImageError('invalid-argument', 'the root of a container cannot be removed');
      change.remove(step);
      change.commit();
    } catch (error) {
      change.abandon();
      throw error;
    }
  }

  /** Lets go of the index. The layers are not this one's to close. */
  close(): void {
    this.#tree?.close();
    this.#tree = this.#union = undefined;
  }

  #layers(): UpperPlace['layers'] {
    return this.below.stack.trees;
  }

  /** Before a byte is read: that it cannot go there need not be said at the end. */
  #checkDestination(path: string): void {
    const { stack, os } = this.union();
    const root = rootStep(stack, os);
    if (root) destination(resolveStep(stack, root, path, os, true), path);
  }

  #isKept(pack: string): boolean {
    const { upper } = this.union();
    return upper?.index.packs().some(({ file }) => file === pack) ?? false;
  }
}

/** Writes a tar to a file as it is when unpacked, durable; true if putting it in will take long. */
async function keep(tar: AsyncIterable<Uint8Array>, path: string, signal: AbortSignal | undefined): Promise<boolean> {
  const { compression, stream } = await peekCompression(tar);
  const parser = new TarParser();
  let entries = 0;
  let hasHardLinks = false;
  const file = await open(path, 'wx', 0o600);
  // A source may stand still for as long as it likes: its file is not a killed act's.
  const renewal = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), packVoidAfter / 4).unref();
  try {
    for await (const chunk of decompress(stream, compression, { signal })) {
      const bytes = chunk as Buffer;
      parser.push(bytes);
      for (let event = parser.next(); event; event = parser.next()) {
        if (event !== 'entry') continue;
        entries++;
        hasHardLinks ||= parser.entry.type === 'hard-link';
        parser.skip();
      }
      for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten;
    }
    parser.end();
    await file.sync();
  } finally {
    clearInterval(renewal);
    await file.close();
  }
  return entries > inlineEntries || hasHardLinks;
}

function timestamp(date: Date): Timestamp {
  const milliseconds = date.getTime();
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nanoseconds: (milliseconds - seconds * 1000) * 1_000_000 };
}
