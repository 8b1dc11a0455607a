import type { Readable } from 'node:stream';
import type { TagOptions, WriteOptions } from '../content/image-sink.ts';
import type { OpenOptions } from '../content/image-source.ts';
import type { Page, Repository, Upload } from '../content/repository.ts';
import { ImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { isDigest, type Digest, type DigestAlgorithm } from '../model/digest.ts';
import { isManifestType, mediaTypes } from '../model/media-types.ts';
import { familiarName, isTag, repositoryName, type Reference } from '../model/reference.ts';
import { blobState, type Blobs } from './blobs.ts';
import { carryDraft } from './carry.ts';
import { readyManifest, requireChildren } from './content.ts';
import type { Database } from './database.ts';
import { privateDraft } from './drafts.ts';
import { fetchDraft } from './fetch-draft.ts';
import { tellDeleted } from './image-events.ts';
import { link, linkLife, renewAfter, unlink } from './links.ts';
import { getName, nameOf, removeName, setName, type NameRow } from './names.ts';
import { listReferrers } from './referrers.ts';
import type { Uploads } from './uploads.ts';

/** What a repository needs of its store. */
export interface RepositoryGround {
  readonly database: Database;
  readonly blobs: Blobs;
  /** As `links.shows`, remembered until something changes. */
  shows(repo: string, digest: Digest): boolean;
  /** Takes in what other tools have written to index.json. */
  fresh(): Promise<void>;
  /** Names have changed: index.json must follow. */
  renamed(): void;
  uploads(): Promise<Uploads>;
}

/**
 * One repository of the store: its tags are the names that begin with it, and it shows what these need, what was pushed to it, and nothing else.
 * Content that another repository has is not here, whoever asks: it must be pushed, and its bytes are hashed, or mounted from where it is shown.
 */
export class StoreRepository implements Repository {
  readonly reference: Pick<Reference, 'registry' | 'repository'>;
  readonly #ground: RepositoryGround;
  readonly #database: Database;
  readonly #blobs: Blobs;
  readonly #repo: string;

  constructor(ground: RepositoryGround, reference: Pick<Reference, 'registry' | 'repository'>) {
    this.reference = { registry: reference.registry, repository: reference.repository };
    this.#ground = ground;
    this.#database = ground.database;
    this.#blobs = ground.blobs;
    this.#repo = repositoryName(reference);
  }

  /** A tag or digest; what is no manifest comes as a blob without a type of its own. */
  async resolve(name: string): Promise<Descriptor> {
    await this.#ground.fresh();
    if (isDigest(name)) {
      const found = this.#ground.shows(this.#repo, name) ? this.#describe(name) : undefined;
      if (found) return found;
    } else if (isTag(name)) {
      const row = getName(this.#database, this.#repo, name);
      if (row) return nameOf(row).target;
    }
    throw new ImageError('manifest-unknown', `manifest unknown: ${familiarName(this.reference)} has no ${name}`, {
      detail: { repository: this.#repo, name },
    });
  }

  async open(target: Descriptor, options?: OpenOptions): Promise<Readable> {
    await this.#ground.fresh();
    if (!this.#ground.shows(this.#repo, target.digest)) throw this.#unknown(target);
    return this.#blobs.open(target, options);
  }

  async has(target: Descriptor, operation: Operation = {}): Promise<boolean> {
    await this.#ground.fresh();
    if (!this.#here(target)) return false;
    await this.#blobs.assure(target, operation);
    if (!this.#isBrief(target.digest)) return this.#here(target);
    // A pusher relies on it now: it must be here until the manifest comes that names it.
    return this.#database.transact(({ time }) => {
      if (!this.#here(target)) return false;
      link(this.#database, this.#repo, target.digest, time + linkLife);
      return true;
    });
  }

  async write(target: Descriptor, open: (offset: number) => Promise<AsyncIterable<Uint8Array>>, options: WriteOptions = {}): Promise<void> {
    await this.#ground.fresh();
    if (isManifestType(target.mediaType)) return this.#writeManifest(target, open, options);
    if (await this.has(target, options)) return;
    if (options.from && (await this.#mount(target, options.from))) {
      options.onProgress?.({ target, state: 'mounted', from: familiarName(options.from) });
      return;
    }
    using _use = this.#database.use();
    const draft = privateDraft(this.#database);
    await fetchDraft(draft, target, open, { ...options, keep: false });
    this.#database.at('draft');
    const here = await carryDraft(this.#database, draft);
    await this.#database.transact((transaction) => {
      this.#blobs.keep(transaction, here, target.digest, target.size);
      link(this.#database, this.#repo, target.digest, transaction.time + linkLife);
    });
  }

  async tag(target: Descriptor, tag: string, options: TagOptions = {}): Promise<void> {
    if (!isTag(tag))
      throw new ImageError('invalid-reference', `invalid tag ${JSON.stringify(tag.slice(0, 160))}`, {
        hint: 'A tag has up to 128 letters, digits, underscores, dots and dashes, and begins with neither of the last two.',
      });
    await this.#ground.fresh();
    const { moved } = await this.#database.transact((transaction) => {
      const whole = this.#ground.shows(this.#repo, target.digest) ? this.#describe(target.digest) : undefined;
      if (!whole || !isManifestType(whole.mediaType)) throw this.#unknown(target);
      const missing = this.#blobs.missing(whole);
      if (missing !== undefined)
        throw new ImageError('incomplete', `${target.digest} cannot be tagged: ${missing}, which it needs, is not here`, {
          detail: { digest: target.digest, missing },
        });
      return setName(this.#database, transaction, { repo: this.#repo, tag }, whole, options.origin, {
        actor: this.#database.actor,
        verb: 'push',
      });
    });
    if (moved) this.#ground.renamed();
  }

  async tags(page: Page = {}): Promise<readonly string[]> {
    await this.#ground.fresh();
    const rows = this.#database.all<{ tag: string }>(
      "SELECT tag FROM name WHERE repo = ? AND tag > ? AND substr(tag, 1, 1) <> '@' ORDER BY tag LIMIT ?",
      this.#repo,
      page.last ?? '',
      page.limit ?? -1,
    );
    if (rows.length === 0 && !this.#exists())
      throw new ImageError('not-found', `repository ${familiarName(this.reference)} is not known here`, {
        detail: { repository: this.#repo },
      });
    return rows.map(({ tag }) => tag);
  }

  async referrers(subject: Pick<Descriptor, 'digest'>, artifactType?: string): Promise<readonly Descriptor[]> {
    await this.#ground.fresh();
    return listReferrers(this.#database, subject.digest, artifactType).filter(({ digest }) => this.#ground.shows(this.#repo, digest));
  }

  async untag(tag: string): Promise<void> {
    await this.#ground.fresh();
    await this.#database.transact((transaction) => {
      if (!isTag(tag) || !getName(this.#database, this.#repo, tag))
        throw new ImageError('manifest-unknown', `manifest unknown: ${familiarName(this.reference)} has no ${tag}`, {
          detail: { repository: this.#repo, name: tag },
        });
      removeName(this.#database, transaction, { repo: this.#repo, tag }, { actor: this.#database.actor, verb: 'untag' });
    });
    this.#ground.renamed();
  }

  async delete(target: Pick<Descriptor, 'digest' | 'mediaType'>): Promise<void> {
    await this.#ground.fresh();
    await this.#database.transact((transaction) => {
      if (!this.#ground.shows(this.#repo, target.digest)) throw this.#unknown(target);
      const names = this.#database.all<NameRow>('SELECT * FROM name WHERE target = ? AND repo = ?', target.digest, this.#repo);
      for (const { repo, tag } of names)
        removeName(this.#database, transaction, { repo, tag }, { actor: this.#database.actor, verb: 'delete' });
      unlink(this.#database, this.#repo, target.digest);
      // What was deleted on purpose is not kept as a dangling image.
      if (names.length > 0 && !this.#database.get('SELECT 1 FROM name WHERE target = ? LIMIT 1', target.digest)) {
        this.#database.run('DELETE FROM image WHERE digest = ?', target.digest);
        tellDeleted(this.#database, transaction, target.digest);
      }
    });
    this.#ground.renamed();
  }

  async upload(id?: string, options: Operation & { readonly algorithm?: DigestAlgorithm } = {}): Promise<Upload> {
    const uploads = await this.#ground.uploads();
    return id === undefined ? uploads.begin(this.#repo, options.algorithm ?? 'sha256') : uploads.resume(this.#repo, id);
  }

  async #writeManifest(
    target: Descriptor,
    open: (offset: number) => Promise<AsyncIterable<Uint8Array>>,
    operation: Operation,
  ): Promise<void> {
    using _use = this.#database.use();
    const ready = await readyManifest(this.#database, this.#blobs, target, () => open(0), operation);
    try {
      await this.#database.transact((transaction) => {
        requireChildren(this.#blobs, target, ready.document, (child) => this.#ground.shows(this.#repo, child.digest));
        ready.keep(transaction);
        link(this.#database, this.#repo, target.digest, null);
      });
    } finally {
      await ready.end();
    }
  }

  /** Shows here what another repository shows, without its bytes coming again. */
  #mount(target: Descriptor, from: Reference): Promise<boolean> {
    return this.#database.transact(({ time }) => {
      const row = this.#blobs.row(target.digest);
      if (!row || row.state === blobState.damaged || row.size !== target.size || !this.#ground.shows(repositoryName(from), target.digest))
        return false;
      link(this.#database, this.#repo, target.digest, time + linkLife);
      return true;
    });
  }

  /** Shown here, whole, and nothing of it deleted here. */
  #here(target: Descriptor): boolean {
    if (!this.#ground.shows(this.#repo, target.digest) || !this.#blobs.complete(target)) return false;
    if (!this.#database.get('SELECT 1 FROM link WHERE repo = ? AND hidden = 1 LIMIT 1', this.#repo)) return true;
    return !this.#database.get(
      `WITH RECURSIVE down (digest) AS (VALUES (?2) UNION SELECT edge.child FROM down JOIN edge ON edge.parent = down.digest)
       SELECT 1 FROM down JOIN link ON link.digest = down.digest AND link.repo = ?1 AND link.hidden = 1 LIMIT 1`,
      this.#repo,
      target.digest,
    );
  }

  /** True where it is shown by nothing that lasts. */
  #isBrief(digest: Digest): boolean {
    const own = this.#database.get<{ until: number | null }>(
      'SELECT until FROM link WHERE repo = ? AND digest = ? AND hidden = 0',
      this.#repo,
      digest,
    );
    return !own || (own.until !== null && own.until < this.#database.now().getTime() + linkLife - renewAfter);
  }

  #describe(digest: Digest): Descriptor | undefined {
    const manifest = this.#database.get<{ media_type: string; size: number }>(
      'SELECT media_type, size FROM manifest WHERE digest = ?',
      digest,
    );
    if (manifest) return { mediaType: manifest.media_type, digest, size: manifest.size };
    const blob = this.#blobs.row(digest);
    return blob ? { mediaType: mediaTypes.bytes, digest, size: blob.size } : undefined;
  }

  #exists(): boolean {
    return (
      this.#database.get(
        'SELECT 1 FROM name WHERE repo = ?1 UNION ALL SELECT 1 FROM link WHERE repo = ?1 AND hidden = 0 LIMIT 1',
        this.#repo,
      ) !== undefined
    );
  }

  #unknown({ digest, mediaType }: Pick<Descriptor, 'digest' | 'mediaType'>): ImageError {
    const manifest = isManifestType(mediaType);
    return new ImageError(
      manifest ? 'manifest-unknown' : 'blob-unknown',
      `${manifest ? 'manifest' : 'blob'} unknown: ${familiarName(this.reference)} has no ${digest}`,
      {
        detail: { repository: this.#repo, digest },
      },
    );
  }
}
