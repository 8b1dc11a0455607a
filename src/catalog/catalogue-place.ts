import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { throwIfCanceled } from '../io/concurrently.ts';
import { openRegularFile } from '../content/regular-file.ts';
import { asImageError, ImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import { readBytes } from '../io/verified.ts';
import { answerError } from '../remote/answer-error.ts';
import { discard, patient, readBody } from '../remote/body.ts';
import { isPacked, unpacked } from '../remote/content-coding.ts';
import type { Registries } from '../remote/registries.ts';
import { defaultRetry, type RetryPolicy } from '../remote/retry.ts';
import type { WireResponse } from '../remote/transport.ts';
import { catalogueName } from './catalogue-document.ts';

/** The folder of a catalogue: on a web server, or one that the system reads as files. */
export interface CataloguePlace {
  /** The document's name there. */
  readonly document: string;
  /** A small file whole; undefined where there is none. @throws ImageError `too-large`, `unavailable` … */
  read(name: string, limit: number, operation: Operation): Promise<Buffer | undefined>;
  /** @throws ImageError `not-found`, `unavailable`, `range-invalid` where the server cannot go on at `offset` */
  open(name: string, from: ContentStart, operation: Operation): Promise<Content>;
  /** How often, and after which pauses, a file that broke off is taken up again. */
  readonly retry: RetryPolicy;
  /** Where a file is, for people. */
  address(name: string): string;
}

/** Where to begin, and which version of the file the first part was of. */
export interface ContentStart {
  readonly offset: number;
  /** Bytes of the whole file, as the catalogue says. */
  readonly size?: number | undefined;
  readonly validator?: string | undefined;
}

export interface Content {
  /** From where the bytes come: what was asked for, or 0 where it is another version of the file or no part could be had. */
  readonly offset: number;
  /** Bytes of the whole file, where the place says it. */
  readonly size?: number;
  /** What tells this version of the file from others, where there is such a thing: an ETag that is no weak one. */
  readonly validator?: string;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Ends it, also where nothing of it was read. */
  close(): void;
}

/** @param location as in a source */
export async function openCataloguePlace(
  location: string,
  registries: Pick<Registries, 'web'>,
  operation: Operation = {},
): Promise<CataloguePlace> {
  if (/^https?:/i.test(location)) return webPlace(new URL(location), registries);
  return folderPlace(location, operation);
}

async function webPlace(location: URL, registries: Pick<Registries, 'web'>): Promise<CataloguePlace> {
  const { transport, idle, retry } = await registries.web(location);
  const isFolder = location.pathname.endsWith('/');
  /** Where the document was found at last: files lie beside it there, wherever it was asked for. */
  let base = isFolder ? new URL(catalogueName, location) : location;
  const document = isFolder ? catalogueName : (base.pathname.split('/').at(-1) ?? catalogueName);
  const urlOf = (name: string): URL =>
    name === document ? base : new URL(name.split('/').map(encodeURIComponent).join('/'), withoutQuery(base));
  const ask = (url: URL, headers: Readonly<Record<string, string>>, { signal }: Operation, lends = false) =>
    transport({ method: 'GET', url, headers, signal, lends });
  return {
    document,
    retry,
    address: (name) => urlOf(name).href,
    async read(name, limit, operation) {
      const url = urlOf(name);
      const response = await ask(url, { accept: '*/*' }, operation);
      if (response.status === 404 || response.status === 410) {
        discard(response);
        return undefined;
      }
      if (response.status !== 200) throw await answerError(response, `cannot read ${url.href}`);
      const bytes = await readBody(response, limit, idle, url.href, operation.signal);
      if (name === document) base = response.url;
      return bytes;
    },
    async open(name, { offset, size, validator }, operation) {
      const url = urlOf(name);
      const range = { range: `bytes=${offset}-`, ...(validator === undefined ? {} : { 'if-range': validator }) };
      const response = await ask(url, { accept: '*/*', ...(offset > 0 ? range : {}) }, operation, true);
      if (response.status !== 200 && response.status !== 206) throw await noContent(response, url, offset);
      const part = contentOf(response, offset);
      const { body } = await unpacked(response, size);
      // What was packed for the way is as long as it turns out to be.
      const content = body === response.body ? part : { offset: part.offset };
      return { ...content, bytes: patient(body, idle, url.href, operation.signal), close: () => void body.destroy() };
    },
  };
}

function withoutQuery(url: URL): URL {
  const bare = new URL(url);
  bare.search = '';
  bare.hash = '';
  return bare;
}

async function noContent(response: WireResponse, url: URL, offset: number): Promise<ImageError> {
  const error = await answerError(response, `cannot read ${url.href}`);
  if (response.status === 404 || response.status === 410) return new ImageError('not-found', error.message, { detail: error.detail });
  return response.status === 416
    ? new ImageError('range-invalid', `${url.href} has nothing at byte ${offset}`, { detail: error.detail })
    : error;
}

function contentOf(response: WireResponse, offset: number): Omit<Content, 'bytes' | 'close'> {
  const { etag, 'content-length': length = '', 'content-range': range = '' } = response.headers;
  const validator = etag !== undefined && /^"[\x21\x23-\x7e]*"$/.test(etag) ? { validator: etag } : {};
  if (response.status === 200) return { offset: 0, ...(/^\d{1,15}$/.test(length) ? { size: Number(length) } : {}), ...validator };
  const [, first = '', total = ''] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(range.trim()) ?? [];
  // A part of what is packed is no part of the file.
  if (first === '' || Number(first) !== offset || isPacked(response)) {
    response.body.destroy();
    throw new ImageError(
      offset > 0 ? 'range-invalid' : 'protocol',
      `${response.url.host} answers with another part of ${response.url.pathname} than was asked for`,
    );
  }
  return { offset, ...(total === '*' ? {} : { size: Number(total) }), ...validator };
}

async function folderPlace(path: string, { signal }: Operation): Promise<CataloguePlace> {
  if (!isAbsolute(path))
    throw process.platform !== 'win32' && /^[\\/]{2}|^[A-Za-z]:/.test(path)
      ? new ImageError('unsupported', `${path} is a path of Windows`, { hint: 'Mount the share, and name the folder where it is mounted.' })
      : new ImageError('invalid-argument', `${path} is not a whole path`);
  throwIfCanceled(signal);
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (error) {
    throw asImageError(error, `cannot read ${path}`);
  }
  const folder = isFolder ? path : dirname(path);
  const address = (name: string): string => join(folder, name);
  return {
    document: isFolder ? catalogueName : basename(path),
    retry: defaultRetry,
    address,
    async read(name, limit) {
      const file = await openRegularFile(address(name));
      if (file === undefined) return undefined;
      try {
        return await readBytes(file.createReadStream({ autoClose: false }), limit, address(name));
      } catch (error) {
        throw asImageError(error, `cannot read ${address(name)}`);
      } finally {
        await file.close();
      }
    },
    async open(name, { offset, validator }, operation) {
      const file = await openRegularFile(address(name));
      if (file === undefined) throw new ImageError('not-found', `cannot read ${address(name)}: there is no such file`);
      const { size, mtimeMs } = await file.stat();
      const version = `${size}-${mtimeMs}`;
      const start = validator === undefined || validator === version ? Math.min(offset, size) : 0;
      const bytes = createReadStream('', { fd: file, start, highWaterMark: 1024 * 1024, signal: operation.signal });
      return { offset: start, size, validator: version, bytes, close: () => void bytes.destroy() };
    },
  };
}
