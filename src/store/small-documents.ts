import { ImageError } from '../errors.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import type { Blobs } from './blobs.ts';
import type { Database } from './database.ts';

/** Bytes of documents that are remembered. */
const capacity = 32 * 1024 * 1024;

/**
 * Manifests and configs that were read before. Their bytes never change; whether they are still here is asked again when anything in the store has changed.
 */
export class SmallDocuments {
  readonly #database: Database;
  readonly #blobs: Blobs;
  /** The least recently used first. */
  readonly #kept = new Map<Digest, { bytes: Buffer; epoch: string }>();
  #bytes = 0;

  constructor(database: Database, blobs: Blobs) {
    this.#database = database;
    this.#blobs = blobs;
  }

  async read(target: Descriptor, limit: number): Promise<Buffer> {
    const epoch = this.#database.epoch();
    const kept = this.#kept.get(target.digest);
    if (kept) {
      this.#kept.delete(target.digest);
      if (kept.epoch === epoch || this.#blobs.row(target.digest)?.state === 1) {
        if (kept.bytes.length > limit)
          throw new ImageError('too-large', `${target.digest} of ${kept.bytes.length} bytes is larger than ${limit} bytes`);
        kept.epoch = epoch;
        this.#kept.set(target.digest, kept);
        return kept.bytes;
      }
      this.#bytes -= kept.bytes.length;
    }
    const bytes = await this.#blobs.read(target, limit);
    if (bytes.length <= capacity / 8) this.#keep(target.digest, { bytes, epoch });
    return bytes;
  }

  #keep(digest: Digest, entry: { bytes: Buffer; epoch: string }): void {
    const before = this.#kept.get(digest);
    if (before) this.#bytes -= before.bytes.length;
    this.#kept.delete(digest);
    this.#kept.set(digest, entry);
    this.#bytes += entry.bytes.length;
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#bytes <= capacity) break;
      this.#kept.delete(oldest);
      this.#bytes -= bytes.length;
    }
  }
}
