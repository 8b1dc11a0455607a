import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ImageError, isSystemError } from '../../errors.ts';
import { FileStream } from '../../io/file-stream.ts';

/** What a request is answered with. A handler makes it; `send` alone writes it, so HEAD and conditional requests are right everywhere. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<OutgoingHttpHeaders>;
  /** A function for what is read from the disk: called only where the body is really sent. */
  readonly body?: string | Uint8Array | (() => Promise<Readable>);
  /** The same request has the same answer for as long as the store does not change. */
  readonly lasting?: boolean;
}

export const apiVersion = { 'Docker-Distribution-Api-Version': 'registry/2.0' } as const;

export function jsonAnswer(status: number, value: unknown, headers: Answer['headers'] = {}, contentType = 'application/json'): Answer {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  return { status, headers: { ...apiVersion, 'Content-Type': contentType, 'Content-Length': body.length, ...headers }, body };
}

export function emptyAnswer(status: number, headers: Answer['headers'] = {}): Answer {
  return { status, headers: status === 204 ? { ...apiVersion, ...headers } : { ...apiVersion, 'Content-Length': 0, ...headers } };
}

/**
 * Writes an answer: no body for HEAD, 304 where the client has it already (RFC 9110 §13.1.2).
 * @returns undefined where all is handed to the socket; else a promise that ends with the last byte, and fails where the client leaves or the disk does
 */
export function send(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> | undefined {
  const { status, headers, body } = answer;
  const condition = request.headers['if-none-match'];
  if (condition !== undefined && (status === 200 || status === 206) && matches(condition, headers.ETag)) {
    const { 'Content-Length': _length, 'Content-Range': _range, ...rest } = headers;
    response.writeHead(304, rest).end();
    return undefined;
  }
  const head = request.method === 'HEAD';
  if (typeof body === 'function' && !head) return stream(response, answer, body);
  response.writeHead(status, headers).end(head || typeof body === 'function' ? undefined : body);
  return undefined;
}

async function stream(response: ServerResponse, { status, headers }: Answer, open: () => Promise<Readable>): Promise<void> {
  const source = await open();
  response.writeHead(status, headers);
  try {
    if (source instanceof FileStream) {
      await source.pumpTo(response);
      response.end();
    } else await pipeline(source, response);
  } catch (error) {
    if (!isSystemError(error, 'ERR_STREAM_PREMATURE_CLOSE')) throw error;
    throw new ImageError('canceled', 'the client left before the end', { cause: error });
  }
}

function matches(condition: string, etag: unknown): boolean {
  if (typeof etag !== 'string') return false;
  return condition.trim() === '*' || condition.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}
