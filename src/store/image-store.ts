import { chmodSync, readdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { Readable } from 'node:stream';
import { ImageError, isImageError } from '../errors.ts';
import type { ImageSource, OpenOptions } from '../content/image-source.ts';
import type { Page, Repository } from '../content/repository.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import type { Reference } from '../model/reference.ts';
import { Blobs } from './blobs.ts';
import type { Fault } from './check.ts';
import { Database, type MovePoint, type StorePoint } from './database.ts';
import type { Discard } from './discard.ts';
import { isDeadDraft } from './draft-name.ts';
import type { Family } from './family.ts';
import { Fetches } from './fetches.ts';
import { findImage } from './find-image.ts';
import type { Holder } from './holders.ts';
import { Holds } from './holds.ts';
import type { ImageTraits } from './image-identity.ts';
import type { FoundImage, ImageName, ImageRecord } from './image-record.ts';
import { getImage, listImages, listNames, restoreSummaries, summariesLost } from './image-records.ts';
import { IndexProjection, makeLayout } from './index-projection.ts';
import type { BeginOptions, Ingest } from './ingest.ts';
import type { JournalEntry, JournalOptions } from './journal.ts';
import { shows } from './links.ts';
import type { Moved, MoveOptions } from './relocate.ts';
import { nameKey } from './name-key.ts';
import { removeName, type ForgetOptions } from './names.ts';
import { cannotWrite, judgePlace, makeFolders, onlyReads, Place, statIfThere } from './place.ts';
import { findSubject, listReferrers } from './referrers.ts';
import type { Forest, Relation } from './relation.ts';
import { layReserve, spendWhereFull } from './reserve.ts';
import { SmallDocuments } from './small-documents.ts';
import { StoreObjects } from './store-objects.ts';
import { StoreRepository } from './store-repository.ts';
import type { Swept, SweepOptions } from './sweep.ts';
import type { Uploads } from './uploads.ts';
import type { Users } from './users.ts';
import type { Usage } from './usage.ts';

export interface StoreOptions {
  /** Who the journal says it was. Default: the user's name. */
  readonly actor?: string | undefined;
  readonly now?: (() => Date) | undefined;
  /** Makes the store where there is none. Default true. */
  readonly create?: boolean | undefined;
  /** For crash tests: called at the named points of each write, and may end the process there. */
  readonly at?: ((point: StorePoint | MovePoint) => void) | undefined;
}

/**
 * One directory, a valid OCI image layout, shared by many processes of one user. Any of them reads; it is written only through `begin` and `repository`.
 * One that cannot be written (a read-only mount) is read as it is; what would change it fails with `permission`.
 *
 * What reading needs is loaded with this file; the rest comes when it is first used, so that a list costs little more than the process.
 */
export class ImageStore extends StoreObjects implements ImageSource, AsyncDisposable {
  readonly #database: Database;
  readonly #blobs: Blobs;
  readonly #fetches = new Fetches();
  readonly #holds = new Holds();
  readonly #projection: IndexProjection;
  readonly #documents: SmallDocuments;
  /** Which repository shows what, while nothing changes. */
  readonly #shown = new Map<string, boolean>();
  #shownAt = '';
  #uploads: Promise<Uploads> | undefined;
  #lastVersion: number;
  #closing: Promise<void> | undefined;

  private constructor(database: Database) {
    const blobs = new Blobs(database);
    super(database, blobs);
    this.#database = database;
    this.#blobs = blobs;
    this.#projection = new IndexProjection(database, this.#blobs);
    this.#documents = new SmallDocuments(database, this.#blobs);
    this.#lastVersion = database.dataVersion();
  }

  /** @throws ImageError `store-unusable` with the reason; `not-found` where there is none and `create` is false */
  static async open(folder: string, options: StoreOptions = {}): Promise<ImageStore> {
    const place = new Place(folder);
    const reads = onlyReads(place);
    if (!reads && statIfThere(place.moveNote)) await (await import('./move-note.ts')).settleMoveNote(place);
    const judged = judgePlace(place);
    if (judged === 'new' && options.create === false)
      throw new ImageError('not-found', `there is no store at ${place.root}`, {
        hint: 'Choose its place with BAY_HOME.',
        detail: { path: place.root },
      });
    if (!reads) {
      const ours = statIfThere(place.trash) !== undefined;
      makeFolders(place, judged === 'new');
      if (!ours && process.platform !== 'win32') chmodSync(place.root, 0o700);
    }
    const database = await Database.open(place, {
      actor: options.actor ?? userName(),
      now: options.now ?? (() => new Date()),
      at: options.at,
    });
    try {
      if (judged === 'new') await makeLayout(database);
      const store = new ImageStore(database);
      if (!database.readOnly) {
        await store.#recover();
        layReserve(database.place);
      }
      await store.#projection.fresh();
      return store;
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** The folder: another than it was opened at, once the store has been moved. */
  get path(): string {
    return this.#database.place.root;
  }

  /** True where it can be read and not written: it lies on a read-only mount, or its owner lets this user only read. */
  get readOnly(): boolean {
    return this.#database.readOnly;
  }

  async begin(options: BeginOptions = {}): Promise<Ingest> {
    await this.#projection.fresh();
    const { StoreIngest } = await import('./store-ingest.ts');
    const ground = {
      database: this.#database,
      blobs: this.#blobs,
      fetches: this.#fetches,
      resolve: (name: string) => this.resolve(name),
      renamed: () => this.#projection.renamed(),
    };
    return StoreIngest.begin(ground, options);
  }

  /** Keeps what is here, with all that it needs, for whoever sends it elsewhere; where the store cannot be written, it can be sent without. */
  async hold(targets: readonly Descriptor[], options: BeginOptions): Promise<AsyncDisposable> {
    return this.#holds.take(async () => this.begin(options), targets, options);
  }

  /** The store's view of one repository: what its names need, and what was pushed to it. */
  repository(reference: Pick<Reference, 'registry' | 'repository'>): Repository {
    return new StoreRepository(
      {
        database: this.#database,
        blobs: this.#blobs,
        shows: (repo, digest) => this.#shows(repo, digest),
        fresh: () => this.#projection.fresh(),
        renamed: () => this.#projection.renamed(),
        uploads: () => this.#getUploads(),
      },
      reference,
    );
  }

  /** Canonical names (`docker.io/library/debian`) of the repositories that show an image, in plain ASCII order. */
  async repositories(page: Page = {}): Promise<readonly string[]> {
    await this.#projection.fresh();
    return this.#database
      .all<{ repo: string }>(
        'SELECT repo FROM name WHERE repo > ?1 UNION SELECT repo FROM link WHERE repo > ?1 AND hidden = 0 AND until IS NULL ORDER BY repo LIMIT ?2',
        page.last ?? '',
        page.limit ?? -1,
      )
      .map(({ repo }) => repo);
  }

  /** What a user's text means. @throws ImageError `not-found` with docker's text, `ambiguous`, `invalid-reference` */
  async find(name: string): Promise<FoundImage> {
    await this.#projection.fresh();
    return findImage(this.#database, name);
  }

  async resolve(name: string): Promise<Descriptor> {
    return (await this.find(name)).target;
  }

  /** @throws ImageError `blob-unknown`, `manifest-unknown`, `range-invalid`; `digest-mismatch` naming the file where another tool has put wrong content there */
  async open(target: Descriptor, options?: OpenOptions): Promise<Readable> {
    return this.#blobs.open(target, options);
  }

  /** All of a small document, remembered. @throws as `open`; `too-large` */
  async read(target: Descriptor, limit: number): Promise<Buffer> {
    return this.#documents.read(target, limit);
  }

  /** True where it is here with all that it needs. Nothing holds it for you: `begin` and ask the ingest for that. */
  async has(target: Descriptor): Promise<boolean> {
    await this.#projection.fresh();
    return this.#blobs.complete(target);
  }

  /** Whatever here speaks of the subject, in any repository. */
  async referrers(subject: Pick<Descriptor, 'digest'>, artifactType?: string): Promise<readonly Descriptor[]> {
    return listReferrers(this.#database, subject.digest, artifactType);
  }

  /** What a manifest speaks of, where that is here; undefined for an image. */
  async subjectOf(manifest: Digest): Promise<Digest | undefined> {
    return findSubject(this.#database, manifest);
  }

  /** Every image, named or dangling, from the database alone. */
  async images(): Promise<readonly ImageRecord[]> {
    await this.#projection.fresh();
    if (summariesLost(this.#database)) await restoreSummaries(this.#database, this.#blobs);
    return listImages(this.#database);
  }

  async image(target: Digest): Promise<ImageRecord | undefined> {
    await this.#projection.fresh();
    if (summariesLost(this.#database)) await restoreSummaries(this.#database, this.#blobs);
    return getImage(this.#database, target);
  }

  /** What else is known of each manifest and index: what it was installed as, its annotations, whether it was built. */
  async traits(): Promise<ReadonlyMap<Digest, ImageTraits>> {
    await this.#projection.fresh();
    if (summariesLost(this.#database)) await restoreSummaries(this.#database, this.#blobs);
    const { listTraits } = await import('./image-identity.ts');
    return listTraits(this.#database);
  }

  async names(): Promise<readonly ImageName[]> {
    await this.#projection.fresh();
    return listNames(this.#database);
  }

  /** Takes a name away; its image becomes dangling where that was the last one. @throws ImageError `not-found` */
  async untag(name: Reference, options: { readonly verb: string }): Promise<void> {
    await this.#projection.fresh();
    await this.#database.removing((transaction) =>
      removeName(this.#database, transaction, nameKey(name), { actor: this.#database.actor, verb: options.verb }),
    );
    this.#projection.renamed();
  }

  /**
   * Gives an image up, in every repository: nothing but leases, other images and indexes that need it keeps it then. Its bytes go with the next sweep.
   * @throws ImageError `not-found`; `conflict` where it has names, and `names` does not say that they may go; `incomplete` where what comes instead of it is not whole
   */
  async forget(target: Digest, options: ForgetOptions & { readonly verb: string }): Promise<void> {
    await this.#projection.fresh();
    const { instead, names, verb } = options;
    await this.discard({ images: [{ digest: target, names, instead, used: true }] }, { verb });
  }

  /**
   * Takes containers, names and images in one transaction: all, or nothing. Bytes of images go with the next sweep.
   * @throws ImageError `not-found`; `conflict` where an image has one more name, or something needs it that does not go with it; `incomplete`
   */
  async discard(discard: Discard, options: { readonly verb: string }): Promise<void> {
    await this.#projection.fresh();
    const [{ applyDiscard }, { emptyFolders }] = await Promise.all([import('./discard.ts'), import('./folders.ts')]);
    const act = { actor: this.#database.actor, verb: options.verb };
    const trash = await this.#database.removing((transaction) =>
      applyDiscard(this.#database, this.#blobs, transaction, discard, act, 'do'),
    );
    this.#projection.renamed();
    await emptyFolders(trash);
  }

  /** What stands in the way of the removal of each of these. */
  async users(images: readonly Digest[]): Promise<ReadonlyMap<Digest, Users>> {
    const { findUsers } = await import('./users.ts');
    return this.#family((family) => new Map(images.map((image) => [image, findUsers(this.#database, image, family)])));
  }

  /** Frees what nothing holds; with `roots` only what these held. It may run beside pulls, pushes and loads. */
  async sweep(options: SweepOptions = {}): Promise<Swept> {
    const { sweep } = await import('./sweep.ts');
    if (this.readOnly && options.dryRun !== true) throw cannotWrite(this.#database.place);
    using _use = this.#database.use();
    // What another tool has just named must be known before anything is judged unknown.
    if (options.roots || options.dryRun) await this.#projection.fresh();
    else await this.#projection.flush();
    return await sweep(this.#database, this.#blobs, options);
  }

  /** Everything that keeps this content, each with the way down from what is held. Empty for what a sweep would take. */
  async holders(digest: Digest): Promise<readonly Holder[]> {
    const { listHolders } = await import('./holders.ts');
    return listHolders(this.#database, digest);
  }

  /** What an image, or one platform's manifest of one, was made from, in any repository: the best known first. */
  async parents(digest: Digest): Promise<readonly Relation[]> {
    return this.#family((family) => family.parents(digest));
  }

  /** The images that were made from this one. */
  async children(digest: Digest): Promise<readonly Relation[]> {
    return this.#family((family) => family.children(digest));
  }

  /** All images as children of others, and the one parent of each that stands for the others. A claim may lead in a circle. */
  async forest(): Promise<Forest> {
    return this.#family((family) => family.forest());
  }

  /** The children of an image, of those, and so on, each list under the image that they were made from. A claim may lead in a circle. */
  async descendants(digest: Digest): Promise<ReadonlyMap<Digest, readonly Relation[]>> {
    return this.#family((family) => family.descendants(digest));
  }

  /** Changes of names: the newest first, or with `since` what came after that number, oldest first. */
  async journal(options: JournalOptions = {}): Promise<readonly JournalEntry[]> {
    const { readJournal } = await import('./journal.ts');
    return readJournal(this.#database, options);
  }

  /** The path of a blob, verified once, for a worker that reads it itself. A lease must hold it meanwhile. @throws as `open` */
  async blobFile(target: Descriptor): Promise<string> {
    return this.#blobs.path(target);
  }

  /**
   * Moves the whole store to a folder that is not there yet, on this disk or another, while others go on with it; they follow. The old folder goes last.
   * @throws ImageError `conflict`, `invalid-argument`, `store-unusable`, `disk-full`, `permission`, `unsupported`, `canceled`: nothing is changed then
   */
  async move(folder: string, options?: MoveOptions): Promise<Moved> {
    if (this.readOnly) throw cannotWrite(this.#database.place);
    const { relocate } = await import('./relocate.ts');
    spendWhereFull(this.#database.place);
    await this.#projection.flush();
    return relocate(this.#database, folder, options);
  }

  /** Hashes every blob, and compares files, records and names. Empty where all is well. */
  async check(options: Operation = {}): Promise<readonly Fault[]> {
    await this.#projection.fresh();
    const { check } = await import('./check.ts');
    return check(this.#database, this.#blobs, options);
  }

  async usage(): Promise<Usage> {
    await this.#projection.fresh();
    const { measureUsage } = await import('./usage.ts');
    return measureUsage(this.#database);
  }

  /** True where another process has changed the store since this was last asked. */
  changed(): boolean {
    const version = this.#database.dataVersion();
    const changed = version !== this.#lastVersion;
    this.#lastVersion = version;
    return changed;
  }

  /** A text that is another after every change, by this process or by another: what is cached goes by it. Other tools' changes of the folder count once they are taken in. */
  epoch(): string {
    return this.#database.epoch();
  }

  /** Makes index.json exact now; without it, it follows within a second. */
  async flush(): Promise<void> {
    await this.#projection.flush();
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    try {
      await this.#holds[Symbol.asyncDispose]();
      await this.#projection.end(this.#isThere());
    } finally {
      await this.#database.close();
    }
  }

  /** False where the folder has been removed meanwhile, or its disk taken away: there is nothing left to make exact. */
  #isThere(): boolean {
    try {
      return statIfThere(this.path) !== undefined;
    } catch (error) {
      if (isImageError(error, 'store-unusable')) return false;
      throw error;
    }
  }

  async #family<T>(ask: (family: Family) => T): Promise<T> {
    await this.#projection.fresh();
    if (summariesLost(this.#database)) await restoreSummaries(this.#database, this.#blobs);
    const { Family } = await import('./family.ts');
    return this.#database.snapshot(() => ask(new Family(this.#database)));
  }

  async #recover(): Promise<void> {
    const { trash, drafts } = this.#database.place;
    if (readdirSync(trash).length === 0 && !readdirSync(drafts).some(isDeadDraft)) return;
    const { recover } = await import('./sweep.ts');
    await recover(this.#database);
  }

  #shows(repo: string, digest: Digest): boolean {
    // A link ends by the clock too: nothing is remembered for more than a minute.
    const at = `${this.#database.epoch()} ${Math.floor(this.#database.now().getTime() / 60_000)}`;
    if (at !== this.#shownAt || this.#shown.size > 20_000) this.#shown.clear();
    this.#shownAt = at;
    const key = `${repo} ${digest}`;
    let answer = this.#shown.get(key);
    if (answer === undefined) this.#shown.set(key, (answer = shows(this.#database, repo, digest)));
    return answer;
  }

  #getUploads(): Promise<Uploads> {
    this.#uploads ??= import('./uploads.ts').then(({ Uploads }) => new Uploads(this.#database, this.#blobs));
    return this.#uploads;
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user need have no name.
    return `user ${process.getuid?.() ?? ''}`.trim();
  }
}
