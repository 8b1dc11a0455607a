import { Readable } from 'node:stream';
import { ImageError, isImageError } from '../errors.ts';
import type { OpenOptions } from '../content/image-source.ts';
import type { Lender } from '../io/lent.ts';
import { sizeMismatch } from '../io/verified.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { acceptedManifests, isForeignLayerType, isManifestType } from '../model/media-types.ts';
import { answerError } from './answer-error.ts';
import { discard, documentPatience, patient } from './body.ts';
import { unpacked } from './content-coding.ts';
import { explainDenial, manifestError, repositoryUrl, scope, type RepositoryAccess } from './repository-access.ts';
import { isPassing, pause, Tries } from './retry.ts';
import type { Transport, WireRequest, WireResponse } from './transport.ts';

/** A connection that brought this much was a good one: the count of failures starts again. */
const goodBytes = 1024 * 1024;

/**
 * The bytes of a manifest or blob, not verified, never more than the descriptor says. A connection that breaks off or stalls is taken up where it broke, by
 * range; where the registry ignores ranges, from the start, and what is there already is passed over.
 */
export async function openContent(access: RepositoryAccess, target: Descriptor, options: OpenOptions = {}): Promise<Readable> {
  const { offset = 0, length } = options;
  if (offset < 0 || offset > target.size)
    throw new ImageError('range-invalid', `${target.digest} has ${target.size} bytes: none at ${offset}`);
  const end = length === undefined ? target.size : Math.min(target.size, offset + length);
  if (offset === end) return Readable.from([], { objectMode: false });
  const reading = new Reading(access, target, end, options);
  await reading.begin(offset);
  return new ContentStream(reading);
}

/** Given as a stream, or lent. */
class ContentStream extends Readable implements Lender {
  readonly #reading: Reading;
  #chunks: AsyncIterator<Uint8Array, void> | undefined;

  constructor(reading: Reading) {
    super({ highWaterMark: 64 * 1024 });
    this.#reading = reading;
  }

  async *lent(): AsyncGenerator<Uint8Array, void, undefined> {
    // What destroys it is told to who asks for the next chunk: nobody listens for it here.
    this.on('error', () => undefined);
    try {
      yield* this.#reading.chunks();
    } finally {
      this.destroy();
    }
  }

  override _read(): void {
    this.#chunks ??= this.#reading.chunks();
    this.#chunks.next().then(
      // What is pushed waits in the stream's queue, longer than it is lent.
      ({ done, value }) => this.push(done === true ? null : this.#reading.lends ? Buffer.from(value) : value),
      (error: Error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#reading.end();
    callback(error);
  }
}

class Reading {
  readonly #access: RepositoryAccess;
  readonly #target: Descriptor;
  readonly #options: OpenOptions;
  readonly #end: number;
  readonly #tries: Tries;
  #at = 0;
  #response: WireResponse | undefined;
  /** Bytes at the start of the answer that are here already. */
  #skip = 0;
  #ask: ((at: number) => Promise<WireResponse>) | undefined;

  constructor(access: RepositoryAccess, target: Descriptor, end: number, options: OpenOptions) {
    this.#access = access;
    this.#target = target;
    this.#end = end;
    this.#options = options;
    this.#tries = new Tries(access.retry);
  }

  async begin(offset: number): Promise<void> {
    this.#at = offset;
    try {
      const fromRegistry = (at: number) => this.#fromRegistry(at);
      this.#accept(await fromRegistry(offset));
      this.#ask = fromRegistry;
    } catch (error) {
      const { urls = [], mediaType } = this.#target;
      if (!isForeignLayerType(mediaType) || urls.length === 0 || !isImageError(error, 'blob-unknown', 'not-found', 'denied')) throw error;
      await this.#beginElsewhere(urls, offset, error);
    }
  }

  /** A foreign layer that the registry does not hold, from where its manifest says it is. */
  async #beginElsewhere(urls: readonly string[], offset: number, first: ImageError): Promise<void> {
    let last: ImageError = first;
    for (const text of urls.slice(0, 8)) {
      try {
        const url = new URL(text);
        const transport = await this.#access.foreign(url);
        const fromUrl = (at: number) => this.#fromUrl(transport, url, at);
        this.#accept(await fromUrl(offset));
        this.#ask = fromUrl;
        return;
      } catch (error) {
        const refusal =
          error instanceof TypeError
            ? new ImageError('invalid-content', `${this.#target.digest} names ${JSON.stringify(text.slice(0, 200))}, which is no URL`)
            : error;
        if (!isImageError(refusal) || refusal.code === 'canceled') throw refusal;
        last = refusal;
      }
    }
    throw last;
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    let good = this.#at;
    for (;;) {
      const body = this.#response?.body;
      if (body === undefined) return;
      const { idle } = this.#access;
      const total = isManifestType(this.#target.mediaType) ? documentPatience(idle) : undefined;
      const source = patient(body, idle, this.#target.digest, this.#options.signal, total);
      let failure: unknown;
      try {
        for (;;) {
          let next: IteratorResult<Uint8Array, void>;
          try {
            next = await source.next();
          } catch (error) {
            failure = error;
            break;
          }
          if (next.done === true) break;
          const chunk = this.#wanted(next.value);
          if (chunk.length > 0) yield chunk;
          if (this.#at === this.#end && this.#end < this.#target.size) return;
        }
      } finally {
        await source.return();
      }
      if (this.#at === this.#end && (failure === undefined || isPassing(failure))) return;
      if (this.#at - good >= goodBytes) this.#tries.again();
      good = this.#at;
      await this.#takeUp(
        failure ?? new ImageError('unavailable', `${this.#target.digest} ended after ${this.#at} of ${this.#target.size} bytes`),
      );
    }
  }

  /** True where a chunk is good only until the next one is asked for. */
  get lends(): boolean {
    return this.#response?.body.lent !== undefined;
  }

  end(): void {
    this.#response?.body.destroy();
    this.#response = undefined;
  }

  /** The part of a chunk that is neither there already nor after the end. @throws ImageError `size-mismatch` where there is more than there can be */
  #wanted(chunk: Uint8Array): Uint8Array {
    const skipped = Math.min(this.#skip, chunk.length);
    this.#skip -= skipped;
    const left = this.#end - this.#at;
    const fresh = chunk.subarray(skipped);
    if (fresh.length > left && this.#end === this.#target.size) throw sizeMismatch(this.#target, `more than ${this.#target.size}`);
    const wanted = fresh.subarray(0, left);
    this.#at += wanted.length;
    return wanted;
  }

  async #takeUp(failure: unknown): Promise<void> {
    const delay = isPassing(failure) && this.#ask !== undefined ? this.#tries.next(failure) : undefined;
    if (delay === undefined || this.#ask === undefined) throw this.#tries.givenUp(failure);
    this.#report(delay);
    await pause(delay, this.#options.signal);
    this.#accept(await this.#ask(this.#at));
  }

  #report(delay: number): void {
    this.#options.onProgress?.({ target: this.#target, state: 'retrying', delay });
  }

  #request(url: URL, at: number): WireRequest {
    const whole = at === 0 && this.#end === this.#target.size;
    return {
      method: 'GET',
      url,
      headers: {
        ...(isManifestType(this.#target.mediaType) ? { accept: acceptedManifests } : {}),
        ...(whole ? {} : { range: `bytes=${at}-${this.#end - 1}` }),
      },
      lends: true,
      signal: this.#options.signal,
      onRetry: (delay) => this.#report(delay),
    };
  }

  async #fromRegistry(at: number): Promise<WireResponse> {
    const { origin } = this.#access;
    const kind = isManifestType(this.#target.mediaType) ? 'manifests' : 'blobs';
    let response: WireResponse;
    try {
      response = await this.#access.pull({
        ...this.#request(repositoryUrl(origin, `${kind}/${this.#target.digest}`), at),
        scopes: scope(origin, 'pull'),
        purpose: 'pull',
      });
    } catch (error) {
      throw await explainDenial(this.#access, error);
    }
    if (response.status === 200 || response.status === 206) return unpacked(response, this.#target.size);
    if (kind === 'manifests') throw await manifestError(this.#access, response, this.#target.digest);
    throw await answerError(response, `cannot read ${this.#target.digest}`, {
      anonymous: await this.#access.anonymous(),
      say: (problem, status) =>
        status === 404
          ? new ImageError('blob-unknown', `blob ${this.#target.digest} is not in ${this.#access.reference.repository}: ${problem.message}`)
          : undefined,
    });
  }

  async #fromUrl(transport: Transport, url: URL, at: number): Promise<WireResponse> {
    const response = await transport(this.#request(url, at));
    if (response.status === 200 || response.status === 206) return unpacked(response, this.#target.size);
    const error = await answerError(response, `cannot read ${this.#target.digest} from ${url.host}`, { elsewhere: true });
    throw response.status === 404 || response.status === 410 ? new ImageError('blob-unknown', error.message, { cause: error }) : error;
  }

  /** Takes an answer as the source of what follows `#at`. @throws ImageError `protocol`, `size-mismatch` */
  #accept(response: WireResponse): void {
    const { digest, size } = this.#target;
    const refuse = (error: ImageError): never => {
      discard(response);
      throw error;
    };
    const length = response.headers['content-length'];
    if (response.status === 206) {
      const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers['content-range']?.trim() ?? '');
      if (range === null || Number(range[1]) !== this.#at)
        refuse(new ImageError('protocol', `${response.url.host} answers with another range of ${digest} than was asked for`));
      if (range?.[3] !== '*' && Number(range?.[3]) !== size) refuse(sizeMismatch(this.#target, range?.[3] ?? ''));
      this.#skip = 0;
    } else {
      if (length !== undefined && Number(length) !== size) refuse(sizeMismatch(this.#target, length));
      this.#skip = this.#at;
    }
    this.#response = response;
  }
}
