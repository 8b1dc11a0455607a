import type { IncomingMessage } from 'node:http';
import { ImageError } from '../../errors.ts';
import { readBytes } from '../../io/verified.ts';
import { isObject } from '../../model/descriptor.ts';
import { jsonMistake, notAnObject } from './json-mistake.ts';
import { readQuery } from './route.ts';

/** Of a JSON or form body; docker's is 4 MiB for forms. A container's settings are a few KiB. */
const maxDocumentBytes = 4 * 1024 * 1024;

/** A body's bytes as they come; the connection stays open where whoever reads stops early, so that an error can be answered. @throws ImageError `canceled` where the client breaks off */
export async function* bodyBytes(request: IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  } catch (error) {
    throw new ImageError('canceled', 'the client broke off', { cause: error });
  }
}

/** A body that is a form, `application/x-www-form-urlencoded`; empty where it is not one. */
export async function formBody(request: IncomingMessage): Promise<URLSearchParams> {
  if (!/^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '')) return new URLSearchParams();
  return readQuery((await readBytes(bodyBytes(request), maxDocumentBytes, 'the form')).toString('utf8'));
}

/**
 * A body that is a JSON object; undefined where there is none, and null where the body is that.
 * @param type docker's name for what it is to be
 * @throws ImageError `invalid-argument`, with docker's texts; `too-large`
 */
export async function jsonBody(request: IncomingMessage, type: string): Promise<Readonly<Record<string, unknown>> | null | undefined> {
  const kind = request.headers['content-type'];
  const empty =
    request.headers['content-length'] === '0' || !('content-length' in request.headers || 'transfer-encoding' in request.headers);
  if (!(kind === undefined && empty) && !/^application\/json\s*(?:;|$)/i.test(kind ?? ''))
    throw new ImageError(
      'invalid-argument',
      kind === undefined
        ? 'malformed Content-Type header (): mime: no media type'
        : `unsupported Content-Type header (${kind.slice(0, 100)}): must be 'application/json'`,
    );
  if (empty) return undefined;
  return parseJsonObject(await readBytes(bodyBytes(request), maxDocumentBytes, 'the request body'), type);
}

/** As `jsonBody`, whatever the client says that it is, and never absent: `POST /auth` comes so. */
export async function looseJsonBody(request: IncomingMessage, type: string): Promise<Readonly<Record<string, unknown>>> {
  return parseJsonObject(await readBytes(bodyBytes(request), maxDocumentBytes, 'the request body'), type) ?? {};
}

function parseJsonObject(bytes: Buffer, type: string): Readonly<Record<string, unknown>> | null | undefined {
  // Go's white space: a byte order mark is none of it.
  const text = bytes.toString('utf8').replaceAll(/^[ \t\r\n]+|[ \t\r\n]+$/g, '');
  if (text === '') return undefined;
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    const mistake = jsonMistake(text, 'unexpected EOF');
    throw new ImageError('invalid-argument', mistake === undefined ? 'unexpected content after JSON' : `invalid JSON: ${mistake}`, {
      cause,
    });
  }
  if (document === null) return null;
  if (!isObject(document)) throw new ImageError('invalid-argument', `invalid JSON: ${notAnObject(document, type)}`);
  return document;
}
