import type { Upload } from '../content/repository.ts';
import { ImageError, isImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import { mediaTypes } from '../model/media-types.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { isDigest, type Digest, type DigestAlgorithm } from '../model/digest.ts';
import { familiarName } from '../model/reference.ts';
import { maySendTo } from './address-reach.ts';
import { answerError } from './answer-error.ts';
import { discard } from './body.ts';
import { repositoryUrl, scope, type RepositoryAccess } from './repository-access.ts';
import type { StreamedBody, WireRequest, WireResponse } from './transport.ts';

/** Milliseconds for an answer that a registry only has to look up. */
const stateTimeout = 20_000;

/** Begins an upload session. `mount` asks for a blob of another repository instead; the answer says whether that was done. */
export async function beginUpload(
  access: RepositoryAccess,
  options: Operation & {
    readonly algorithm?: DigestAlgorithm | undefined;
    readonly mount?: { readonly digest: Digest; readonly from: string } | undefined;
  } = {},
): Promise<RemoteUpload | 'mounted'> {
  const url = repositoryUrl(access.push, 'blobs/uploads/');
  const { mount, algorithm } = options;
  if (mount) {
    url.searchParams.set('mount', mount.digest);
    url.searchParams.set('from', mount.from);
  }
  if (algorithm === 'sha512') url.searchParams.set('digest-algorithm', algorithm);
  const scopes = [...scope(access.push, 'pull,push'), ...(mount ? [`repository:${mount.from}:pull`] : [])];
  const response = await access.push.transport({ method: 'POST', url, scopes, repeatable: true, signal: options.signal });
  if (mount && response.status === 201) {
    discard(response);
    return 'mounted';
  }
  if (response.status !== 202) throw await pushError(access, response);
  discard(response);
  return new RemoteUpload(access, await sessionLocation(response), 0, chunkMinimum(response), options);
}

/** Goes on with a session by its location. @throws ImageError `upload-unknown`, `invalid-argument` */
export async function resumeUpload(access: RepositoryAccess, id: string, options: Operation = {}): Promise<RemoteUpload> {
  const base = repositoryUrl(access.push, 'blobs/uploads/');
  const location = URL.canParse(id, base.href) ? new URL(id, base) : undefined;
  if (location?.origin !== base.origin || !location.pathname.startsWith(access.push.base.pathname))
    throw new ImageError('invalid-argument', `${JSON.stringify(id.slice(0, 200))} is no upload of ${access.push.host}`);
  const upload = new RemoteUpload(access, location, 0, 0, options);
  await upload.refresh();
  return upload;
}

/**
 * An upload session of a registry (distribution-spec, "Pushing a blob in chunks"). Its id is the session's location, which a registry may change with every
 * answer.
 */
export class RemoteUpload implements Upload {
  readonly #access: RepositoryAccess;
  readonly #options: Operation;
  #location: URL;
  #offset: number;
  #minimum: number;

  constructor(access: RepositoryAccess, location: URL, offset: number, minimum: number, options: Operation) {
    this.#access = access;
    this.#location = location;
    this.#offset = offset;
    this.#minimum = minimum;
    this.#options = options;
  }

  get id(): string {
    return this.#location.href;
  }

  get offset(): number {
    return this.#offset;
  }

  /** The least that the registry takes as one chunk, the last one excepted. */
  get minimum(): number {
    return this.#minimum;
  }

  async append(body: AsyncIterable<Uint8Array>, at?: number): Promise<void> {
    await this.appendChunk({ open: async () => body }, at);
  }

  /** One PATCH; with a length it says which range it is. After a connection that broke, `offset` is what the registry says it has. */
  async appendChunk(body: StreamedBody, at?: number): Promise<void> {
    if (at !== undefined && at !== this.#offset) throw new ImageError('range-invalid', `the upload is at ${this.#offset}, not at ${at}`);
    const range: Record<string, string> =
      body.length === undefined ? {} : { 'content-range': `${this.#offset}-${this.#offset + body.length - 1}` };
    let response: WireResponse;
    try {
      response = await this.#send({ method: 'PATCH', url: this.#location, headers: { 'content-type': mediaTypes.bytes, ...range }, body });
    } catch (error) {
      if (isImageError(error, 'unavailable')) await this.#refreshQuietly();
      throw error;
    }
    if (response.status === 416) {
      await this.#refreshQuietly();
      throw await pushError(this.#access, response);
    }
    if (response.status !== 202 && response.status !== 201 && response.status !== 204) throw await pushError(this.#access, response);
    discard(response);
    this.#location = await sessionLocation(response, this.#location);
    const end = rangeEnd(response);
    if (end !== undefined) this.#offset = end;
    else if (body.length === undefined) await this.refresh();
    else this.#offset += body.length;
  }

  /** Asks how much is there. @throws ImageError `upload-unknown` */
  async refresh(): Promise<void> {
    const response = await this.#send({ method: 'GET', url: this.#location, headersTimeout: stateTimeout });
    if (response.status === 404) {
      discard(response);
      throw new ImageError('upload-unknown', `${this.#access.push.host} does not know the upload any more`);
    }
    if (response.status !== 204 && response.status !== 202 && response.status !== 200) throw await pushError(this.#access, response);
    discard(response);
    this.#location = await sessionLocation(response, this.#location);
    this.#offset = rangeEnd(response) ?? 0;
    this.#minimum = Math.max(this.#minimum, chunkMinimum(response));
  }

  async #refreshQuietly(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      // What broke is what the caller must hear of; a session that is gone as well shows at the next try.
      if (!isImageError(error)) throw error;
    }
  }

  async finish(digest: Digest): Promise<Descriptor> {
    return this.finishWith(digest, undefined);
  }

  /** The closing PUT, with the rest of the bytes where there is one. */
  async finishWith(digest: Digest, rest: StreamedBody | undefined): Promise<Descriptor> {
    const url = new URL(this.#location);
    // Added as text: the location's own query must go back exactly as it came.
    url.search = `${url.search === '' ? '?' : `${url.search}&`}digest=${encodeURIComponent(digest)}`;
    const length = rest?.length ?? 0;
    const range: Record<string, string> =
      rest === undefined || length === 0 || this.#offset === 0 ? {} : { 'content-range': `${this.#offset}-${this.#offset + length - 1}` };
    const size = this.#offset + length;
    const response = await this.#send({
      method: 'PUT',
      url,
      headers: { 'content-type': mediaTypes.bytes, ...range },
      body: rest,
      // Before it answers a registry hashes, or moves to its object storage, all that it has got.
      headersTimeout: this.#access.headers + size / 1000,
    });
    if (response.status !== 201 && response.status !== 200 && response.status !== 204) throw await pushError(this.#access, response);
    discard(response);
    const named = response.headers['docker-content-digest'];
    if (isDigest(named) && named.slice(0, 6) === digest.slice(0, 6) && named !== digest)
      throw new ImageError('protocol', `${this.#access.push.host} stored ${named} in place of ${digest}`);
    this.#offset = size;
    return { mediaType: mediaTypes.bytes, digest, size };
  }

  async cancel(): Promise<void> {
    const response = await this.#send({ method: 'DELETE', url: this.#location });
    if (response.status >= 400 && response.status !== 404 && response.status !== 405) throw await pushError(this.#access, response);
    discard(response);
  }

  #send(request: WireRequest): Promise<WireResponse> {
    return this.#access.push.transport({ ...request, scopes: scope(this.#access.push, 'pull,push'), signal: this.#options.signal });
  }
}

export async function pushError(access: RepositoryAccess, response: WireResponse): Promise<ImageError> {
  return answerError(response, `cannot push to ${familiarName(access.reference)}`, { anonymous: await access.anonymous() });
}

/** Where a session goes on: relative or absolute, with a query that is the registry's own. It may be another host's; credentials do not go there. */
async function sessionLocation(response: WireResponse, current?: URL): Promise<URL> {
  const text = response.headers.location;
  if (text === undefined && current !== undefined) return current;
  if (text === undefined || !URL.canParse(text, response.url.href))
    throw new ImageError('protocol', `${response.url.host} begins an upload and does not say where it goes on`);
  const location = new URL(text, response.url);
  location.username = '';
  location.password = '';
  if (location.protocol !== 'https:' && (location.protocol !== 'http:' || response.url.protocol === 'https:'))
    throw new ImageError('insecure', `${response.url.host} wants the upload at ${location.protocol}//${location.host}, unencrypted`, {
      hint: 'The registry, or a proxy before it, is set up wrong: it must name itself with https.',
    });
  // Nor does the content go to an address that the registry could not reach itself.
  if (!(await maySendTo(response.url, location)))
    throw new ImageError('insecure', `${response.url.host} wants the upload at the internal address ${location.host}`);
  return location;
}

/** Bytes that are there, by a `Range: 0-N` header. `0-0` is what registries say of an empty upload and of one byte: the first is meant where nobody sends single bytes. */
function rangeEnd(response: WireResponse): number | undefined {
  const match = /^(?:bytes[= ])?(\d+)-(\d+)$/.exec(response.headers.range?.trim() ?? '');
  if (match === null) return undefined;
  const end = Number(match[2]);
  return end === 0 ? 0 : end + 1;
}

function chunkMinimum(response: WireResponse): number {
  const text = response.headers['oci-chunk-min-length'] ?? '';
  return /^\d{1,10}$/.test(text) ? Number(text) : 0;
}
