import type { Readable } from 'node:stream';
import type { TagOptions, WriteOptions } from '../content/image-sink.ts';
import type { OpenOptions } from '../content/image-source.ts';
import type { Page, Repository, Upload } from '../content/repository.ts';
import { ImageError } from '../errors.ts';
import { throwIfCanceled } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import { readVerified } from '../io/verified.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestAlgorithm, type Digest, type DigestAlgorithm } from '../model/digest.ts';
import { maxManifestBytes } from '../model/manifest.ts';
import { acceptedManifests, isManifestType } from '../model/media-types.ts';
import { familiarName, isTag, type Reference } from '../model/reference.ts';
import { answerError } from './answer-error.ts';
import { isPacked } from './content-coding.ts';
import { discard } from './body.ts';
import { deleteContent, untag } from './delete-content.ts';
import { listReferrers } from './list-referrers.ts';
import { listNames } from './list-pages.ts';
import { openContent } from './open-content.ts';
import { beginUpload, resumeUpload } from './remote-upload.ts';
import { explainDenial, repositoryUrl, scope, type RepositoryAccess } from './repository-access.ts';
import { fetchManifest, resolveManifest } from './resolve-manifest.ts';
import { writeBlob } from './write-blob.ts';
import { putManifest } from './put-manifest.ts';
import { writeManifest } from './write-manifest.ts';

/** Manifests that were just written, so that the tag that follows need not fetch them. */
const keptManifests = 8;

/** One repository of a registry. Nothing is asked, and no setting read, before the first method is called. */
export class RemoteRepository implements Repository {
  readonly reference: Pick<Reference, 'registry' | 'repository'>;
  readonly #access: () => Promise<RepositoryAccess>;
  readonly #written = new Map<Digest, Uint8Array>();

  constructor(reference: Pick<Reference, 'registry' | 'repository'>, access: () => Promise<RepositoryAccess>) {
    this.reference = { registry: reference.registry, repository: reference.repository };
    this.#access = access;
  }

  /** How it is reached: settings that are read and a probe of the host that others wait for as well, so that the signal does not end it. */
  async #reach({ signal }: Operation): Promise<RepositoryAccess> {
    throwIfCanceled(signal);
    try {
      return await this.#access();
    } catch (error) {
      throwIfCanceled(signal);
      throw error;
    }
  }

  async resolve(name: string, options: Operation = {}): Promise<Descriptor> {
    return resolveManifest(await this.#reach(options), name, options);
  }

  async open(target: Descriptor, options: OpenOptions = {}): Promise<Readable> {
    return openContent(await this.#reach(options), target, options);
  }

  /** Asks the registry that is written to, never a mirror: what a mirror has cannot be named there. A blob of another size is not the one that is meant, whatever its name says. */
  async has(target: Descriptor, options: Operation = {}): Promise<boolean> {
    const access = await this.#reach(options);
    const manifest = isManifestType(target.mediaType);
    const response = await access.push.transport({
      method: 'HEAD',
      url: repositoryUrl(access.push, `${manifest ? 'manifests' : 'blobs'}/${target.digest}`),
      ...(manifest ? { headers: { accept: acceptedManifests } } : {}),
      // A stranger who asks for more than reading is refused by some registries even what everybody may read.
      scopes: scope(access.push, (await access.anonymous()) ? 'pull' : 'pull,push'),
      signal: options.signal,
    });
    if (response.status === 200) {
      discard(response);
      const size = response.headers['content-length'];
      return manifest || size === undefined || isPacked(response) || Number(size) === target.size;
    }
    if (response.status === 404) {
      discard(response);
      return false;
    }
    throw await answerError(response, `cannot ask ${familiarName(this.reference)} for ${target.digest}`, {
      anonymous: await access.anonymous(),
    });
  }

  async write(target: Descriptor, open: (offset: number) => Promise<AsyncIterable<Uint8Array>>, options: WriteOptions = {}): Promise<void> {
    const access = await this.#reach(options);
    if (!isManifestType(target.mediaType)) return writeBlob(access, target, open, options);
    const bytes = await readVerified(() => open(0), target, maxManifestBytes);
    await writeManifest(access, target, bytes, options);
    this.#written.set(target.digest, bytes);
    const oldest = this.#written.keys().next().value;
    if (this.#written.size > keptManifests && oldest !== undefined) this.#written.delete(oldest);
  }

  async tag(target: Descriptor, name: string, options: TagOptions = {}): Promise<void> {
    if (!isTag(name)) throw new ImageError('invalid-reference', `${JSON.stringify(name.slice(0, 160))} is not a tag`);
    const access = await this.#reach(options);
    const bytes =
      this.#written.get(target.digest) ??
      (await fetchManifest({ ...access, pull: access.push.transport, origin: access.push }, target.digest, options)).bytes;
    // By tag alone a registry would know it by its sha256: both names go together then (distribution-spec, end-7b).
    const { tagged } =
      digestAlgorithm(target.digest) === 'sha256'
        ? { tagged: false }
        : await putManifest(access, target, bytes, target.digest, options, name);
    if (!tagged) await putManifest(access, target, bytes, name, options);
  }

  async tags(page: Page = {}, options: Operation = {}): Promise<readonly string[]> {
    const access = await this.#reach(options);
    const { limit, last } = page;
    const url = repositoryUrl(access.origin, 'tags/list');
    if (limit !== undefined) url.searchParams.set('n', String(limit));
    if (last !== undefined) url.searchParams.set('last', last);
    const what = `tags of ${familiarName(this.reference)}`;
    let names: string[];
    try {
      names = await listNames(
        {
          transport: access.origin.transport,
          url,
          scopes: scope(access.origin, 'pull'),
          idle: access.idle,
          what,
          signal: options.signal,
          refuse: async (response) =>
            answerError(response, `cannot list the ${what}`, {
              anonymous: await access.anonymous(),
              say: (problem, status) =>
                status === 404
                  ? new ImageError('not-found', `repository ${familiarName(this.reference)} not found: ${problem.message}`)
                  : undefined,
            }),
        },
        'tags',
        limit,
      );
    } catch (error) {
      throw await explainDenial(access, error);
    }
    return pageOf(names, page);
  }

  async referrers(subject: Descriptor, artifactType?: string, options: Operation = {}): Promise<readonly Descriptor[]> {
    return listReferrers(await this.#reach(options), subject.digest, artifactType, options);
  }

  async untag(tag: string, options: Operation = {}): Promise<void> {
    await untag(await this.#reach(options), tag, options);
  }

  async delete(target: Descriptor, options: Operation = {}): Promise<void> {
    await deleteContent(await this.#reach(options), target, options);
  }

  async upload(id?: string, options: Operation & { readonly algorithm?: DigestAlgorithm } = {}): Promise<Upload> {
    const access = await this.#reach(options);
    if (id !== undefined) return resumeUpload(access, id, options);
    const upload = await beginUpload(access, options);
    if (upload === 'mounted') throw new ImageError('protocol', `${access.push.host} answers the start of an upload as a mount`);
    return upload;
  }
}

/** Registries that know no pages give everything; the page is cut here then. Those that do give their own order within it, which the next page builds on. */
export function pageOf(names: readonly string[], { limit, last }: Page): readonly string[] {
  const sorted = (list: readonly string[]) => [...new Set(list)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  if (limit === undefined) return sorted(names).filter((name) => last === undefined || name > last);
  if (names.length <= limit && (last === undefined || !names.includes(last))) return names;
  return sorted(names)
    .filter((name) => last === undefined || name > last)
    .slice(0, limit);
}
