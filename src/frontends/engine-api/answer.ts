import type { OutgoingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { ProgressLines } from './progress-lines.ts';

/** What a request is answered with. A handler makes it; `send` alone writes it. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<OutgoingHttpHeaders>;
  /** Bytes that are there, or come as they are read. */
  readonly body?: Uint8Array | Readable;
  /** In place of a body: lines of JSON that are written while the work goes on. An error before the first is a whole answer, one after it the last line. */
  readonly lines?: (lines: ProgressLines) => Promise<void>;
}

export function jsonAnswer(status: number, value: unknown): Answer {
  return jsonBytesAnswer(status, jsonBytes(value));
}

/** Without escapes for HTML, and with Go's newline at the end. */
export function jsonBytes(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

/** @param body of `jsonBytes` */
export function jsonBytesAnswer(status: number, body: Buffer): Answer {
  return { status, headers: { 'Content-Type': 'application/json', 'Content-Length': body.length }, body };
}

export function emptyAnswer(status: number, headers: Answer['headers'] = {}): Answer {
  return { status, headers: status === 204 ? headers : { 'Content-Length': 0, ...headers } };
}

export function linesAnswer(lines: (lines: ProgressLines) => Promise<void>): Answer {
  return { status: 200, headers: { 'Content-Type': 'application/json' }, lines };
}
