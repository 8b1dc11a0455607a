import type { Readable } from 'node:stream';
import type { TagOptions } from '../content/image-sink.ts';
import type { OpenOptions } from '../content/image-source.ts';
import { ImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestOf, type Digest } from '../model/digest.ts';
import { maxManifestBytes } from '../model/manifest.ts';
import { isManifestType } from '../model/media-types.ts';
import { parseReference } from '../model/reference.ts';
import { once } from '../io/once.ts';
import { readBytes } from '../io/verified.ts';
import { blobState, type Blobs } from './blobs.ts';
import { carryDraft } from './carry.ts';
import { readyManifest, requireChildren } from './content.ts';
import type { Database, Transaction } from './database.ts';
import { DraftFile } from './draft-file.ts';
import { Drafts, privateDraft } from './drafts.ts';
import { fetchDraft } from './fetch-draft.ts';
import type { Fetches } from './fetches.ts';
import { tellKept } from './image-events.ts';
import type { AddOptions, BeginOptions, Ingest, IngestWriteOptions, NameOptions, Tagged } from './ingest.ts';
import { Lease } from './lease.ts';
import { link } from './links.ts';
import { recordIdentity } from './image-identity.ts';
import { nameKey } from './name-key.ts';
import type { RecordedParent } from './relation.ts';
import { bumpChange, insertImage, setName } from './names.ts';

/** What is smaller is fetched again rather than resumed. */
const worthResuming = 256 * 1024;

/** What an ingest needs of its store. */
export interface IngestGround {
  readonly database: Database;
  readonly blobs: Blobs;
  readonly fetches: Fetches;
  resolve(name: string): Promise<Descriptor>;
  /** Names have changed: index.json must follow. */
  renamed(): void;
}

export class StoreIngest implements Ingest {
  readonly #ground: IngestGround;
  readonly #database: Database;
  readonly #blobs: Blobs;
  readonly #lease: Lease;
  readonly #drafts: Drafts;
  readonly #verb: string;
  readonly #signal: AbortSignal | undefined;
  /** Of the paths of its drafts. */
  readonly #use: Disposable;
  /** Pieces on their way: nobody fetches one twice at once. */
  readonly #writing = new Map<Digest, Promise<void>>();
  readonly #shared: boolean;

  private constructor(ground: IngestGround, options: BeginOptions) {
    this.#ground = ground;
    this.#database = ground.database;
    this.#blobs = ground.blobs;
    this.#verb = options.verb ?? 'tag';
    this.#signal = options.signal;
    this.#shared = options.shared ?? false;
    this.#lease = new Lease(this.#database, options.purpose ?? this.#verb);
    this.#drafts = new Drafts(this.#database, this.#lease.id);
    this.#use = this.#database.use();
  }

  static async begin(ground: IngestGround, options: BeginOptions): Promise<StoreIngest> {
    if (options.signal?.aborted) throw canceled(options.signal.reason);
    const ingest = new StoreIngest(ground, options);
    try {
      await ingest.#lease.begin();
    } catch (error) {
      ingest.#use[Symbol.dispose]();
      throw error;
    }
    return ingest;
  }

  resolve(name: string): Promise<Descriptor> {
    return this.#ground.resolve(name);
  }

  open(target: Descriptor, options?: OpenOptions): Promise<Readable> {
    return this.#blobs.open(target, options);
  }

  async has(target: Descriptor, operation: Operation = {}): Promise<boolean> {
    if (!this.#blobs.complete(target)) return false;
    await this.#blobs.assure(target, operation);
    return this.#transact(() => {
      if (!this.#blobs.complete(target)) return false;
      this.#lease.hold(target.digest);
      return true;
    });
  }

  async write(
    target: Descriptor,
    open: (offset: number) => Promise<AsyncIterable<Uint8Array>>,
    options: IngestWriteOptions = {},
  ): Promise<void> {
    const operation = { signal: options.signal ?? this.#signal, onProgress: options.onProgress };
    // What the other met is the other's; we find it here, or fetch it.
    for (let running; (running = this.#writing.get(target.digest));) await Promise.allSettled([running]);
    const writing = isManifestType(target.mediaType)
      ? this.#writeManifest(target, open, options.sparse ?? false, operation)
      : this.#writeBlob(target, open, operation);
    this.#writing.set(target.digest, writing);
    try {
      await writing;
    } finally {
      this.#writing.delete(target.digest);
    }
  }

  async add(mediaType: string, body: AsyncIterable<Uint8Array> | Uint8Array, options: AddOptions = {}): Promise<Descriptor> {
    const algorithm = options.algorithm ?? 'sha256';
    const extra = {
      ...(options.annotations ? { annotations: options.annotations } : {}),
      ...(options.platform ? { platform: options.platform } : {}),
    };
    const source = body instanceof Uint8Array ? once(body) : body;
    if (isManifestType(mediaType)) {
      const bytes = await readBytes(source, maxManifestBytes, 'manifest');
      const target = { mediaType, digest: digestOf(bytes, algorithm), size: bytes.length };
      await this.write(target, async (offset) => once(bytes.subarray(offset)), options);
      return { ...target, ...extra };
    }
    const draft = await DraftFile.create(privateDraft(this.#database), algorithm);
    try {
      await draft.append(source, Number.MAX_SAFE_INTEGER, options.signal ?? this.#signal);
    } catch (error) {
      await draft.drop();
      throw error;
    }
    const target = { mediaType, digest: draft.digest(), size: draft.size };
    await draft.seal();
    await this.#put(draft.path, target);
    return { ...target, ...extra };
  }

  async tag(target: Descriptor, name: string, options: TagOptions = {}): Promise<void> {
    await this.name(target, name, options);
  }

  async name(target: Descriptor, name: string, options: NameOptions = {}): Promise<Tagged> {
    const reference = parseReference(name);
    if (reference.digest !== undefined && reference.digest !== target.digest && reference.digest !== options.origin?.digest)
      throw new ImageError('invalid-reference', `${name} names another digest than ${target.digest}`, {
        detail: { name, digest: target.digest },
      });
    await this.#blobs.assure(target, options);
    const tagged = await this.#transact((transaction) => {
      const whole = this.#whole(target);
      const key = nameKey(reference);
      const result = setName(this.#database, transaction, key, whole, options.origin, { actor: this.#database.actor, verb: this.#verb });
      this.#linkReferrers(key.repo, whole, options.origin);
      this.#record(transaction, target.digest, options.parent);
      if (options.identity) recordIdentity(this.#database, target.digest, options.identity);
      return result;
    });
    if (tagged.moved) this.#ground.renamed();
    return tagged;
  }

  async keep(target: Descriptor, options: Pick<NameOptions, 'parent'> = {}): Promise<void> {
    await this.#blobs.assure(target);
    const kept = await this.#transact((transaction) => {
      const added = insertImage(this.#database, transaction, this.#whole(target));
      if (added) {
        tellKept(this.#database, transaction, this.#verb, target.digest);
        bumpChange(this.#database);
      }
      this.#record(transaction, target.digest, options.parent);
      return added;
    });
    if (kept) this.#ground.renamed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#writing.values());
    try {
      await this.#drafts.release();
      await this.#lease.end();
    } finally {
      this.#use[Symbol.dispose]();
    }
  }

  async #writeBlob(target: Descriptor, open: (offset: number) => Promise<AsyncIterable<Uint8Array>>, operation: Operation): Promise<void> {
    if (await this.has(target, operation)) return;
    if (!this.#shared) return this.#fetch(target, open, operation);
    const end = await this.#ground.fetches.claim(target.digest, operation.signal);
    try {
      if (!(await this.has(target, operation))) await this.#fetch(target, open, operation);
    } catch (error) {
      // To whoever waits, now: a pull goes on without a layer that its publisher has withdrawn, and may itself wait for who waits for it.
      await this.#drafts.leave(target.digest);
      throw error;
    } finally {
      end();
    }
  }

  async #fetch(target: Descriptor, open: (offset: number) => Promise<AsyncIterable<Uint8Array>>, operation: Operation): Promise<void> {
    const keep = target.size > worthResuming;
    const path = keep ? await this.#drafts.claim(target.digest) : privateDraft(this.#database);
    await fetchDraft(path, target, open, { signal: operation.signal, keep });
    await this.#put(path, target);
  }

  async #writeManifest(
    target: Descriptor,
    open: (offset: number) => Promise<AsyncIterable<Uint8Array>>,
    sparse: boolean,
    operation: Operation,
  ): Promise<void> {
    const isVerified = (): boolean => this.#blobs.row(target.digest)?.state === blobState.verified;
    const known = this.#database.get('SELECT 1 FROM manifest WHERE digest = ?', target.digest) !== undefined;
    if (sparse && known && isVerified()) {
      // Only its bytes are asked for.
      const held = await this.#transact(() => {
        const still = isVerified();
        if (still) this.#lease.hold(target.digest);
        return still;
      });
      if (held) return;
    } else if (!sparse && (await this.has(target, operation))) return;
    const poured = await this.#holdPoured(target);
    const ready = await readyManifest(
      this.#database,
      this.#blobs,
      target,
      poured ? () => this.#blobs.open(target, operation) : () => open(0),
      operation,
    );
    try {
      await this.#transact((transaction) => {
        if (!sparse) requireChildren(this.#blobs, target, ready.document);
        ready.keep(transaction);
        this.#lease.hold(target.digest);
      });
    } finally {
      await ready.end();
    }
  }

  /** Whether the bytes of a manifest are here, which an archive's pieces were poured in without knowing. Then they are held: a sweep may be about to take them. */
  async #holdPoured({ digest, size }: Descriptor): Promise<boolean> {
    const isHere = (): boolean => {
      const row = this.#blobs.row(digest);
      return row !== undefined && row.state !== blobState.damaged && row.size === size;
    };
    if (!isHere()) return false;
    return await this.#transact(() => {
      if (!isHere()) return false;
      this.#lease.hold(digest);
      return true;
    });
  }

  async #put(draft: string, target: Descriptor): Promise<void> {
    this.#database.at('draft');
    const here = await carryDraft(this.#database, draft);
    await this.#transact((transaction) => {
      this.#blobs.keep(transaction, here, target.digest, target.size);
      this.#lease.hold(target.digest);
    });
  }

  /** Within a transaction: what it was made from. @throws ImageError `incomplete` where that is not here */
  #record({ time }: Transaction, child: Digest, parent: RecordedParent | undefined): void {
    if (!parent || parent.digest === child) return;
    if (!this.#database.get('SELECT 1 FROM manifest WHERE digest = ?', parent.digest))
      throw new ImageError('incomplete', `${child} cannot be recorded as made from ${parent.digest}, which is not here`, {
        detail: { digest: child, missing: parent.digest },
      });
    this.#database.run(
      'INSERT OR REPLACE INTO parent (child, parent, how, time) VALUES (?, ?, ?, ?)',
      child,
      parent.digest,
      parent.how,
      time,
    );
  }

  /** Within a transaction: the manifest as it is kept, and that it is whole. @throws ImageError `manifest-unknown`, `incomplete` */
  #whole({ digest }: Descriptor): Descriptor {
    const kept = this.#database.get<{ media_type: string; size: number }>('SELECT media_type, size FROM manifest WHERE digest = ?', digest);
    if (!kept) throw new ImageError('manifest-unknown', `manifest ${digest} unknown: it is not in the store`, { detail: { digest } });
    const whole = { mediaType: kept.media_type, digest, size: kept.size };
    const missing = this.#blobs.missing(whole);
    if (missing !== undefined)
      throw new ImageError('incomplete', `${digest} cannot be named: ${missing}, which it needs, is not here`, {
        detail: { digest, missing },
      });
    return whole;
  }

  #transact<T>(work: (transaction: Transaction) => T): Promise<T> {
    return this.#database.transact((transaction) => {
      this.#lease.require(transaction);
      return work(transaction);
    });
  }

  /** What came with the image and speaks of it (signatures, SBOMs) is shown beside it, in its repository. */
  #linkReferrers(repo: string, target: Descriptor, origin: Descriptor | undefined): void {
    // CROSS JOIN keeps SQLite from walking all that a large load holds for each of its names.
    const about = this.#database.all<{ digest: Digest }>(
      `WITH RECURSIVE about (digest) AS (
         VALUES (?1) UNION VALUES (?2)
         UNION SELECT edge.child FROM about JOIN edge ON edge.parent = about.digest
         UNION SELECT manifest.digest FROM about CROSS JOIN manifest ON manifest.subject = about.digest CROSS JOIN lease_hold ON lease_hold.digest = manifest.digest AND lease_hold.lease = ?3)
       SELECT about.digest FROM about CROSS JOIN manifest ON manifest.digest = about.digest CROSS JOIN lease_hold ON lease_hold.digest = about.digest AND lease_hold.lease = ?3
       WHERE manifest.subject IS NOT NULL AND about.digest <> ?1 AND about.digest <> ?2`,
      target.digest,
      origin?.digest ?? target.digest,
      this.#lease.id,
    );
    for (const { digest } of about) link(this.#database, repo, digest, null);
  }
}
