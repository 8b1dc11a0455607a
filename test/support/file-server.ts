/**
 * A server of one folder's files that keeps to HTTP (ranges, ETag, If-Range), and breaks off where a test tells it to. What it was asked is in `requests`.
 */
import { createReadStream, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { parseRange } from '../../src/frontends/registry/byte-range.ts';

export interface FileServer {
  /** `http://127.0.0.1:PORT/`. */
  readonly url: string;
  readonly requests: readonly Pick<IncomingMessage, 'method' | 'url' | 'headers'>[];
}

export interface FileServerOptions {
  /** Bytes of an answer's body after which its connection is cut; undefined for all of it. Asked for each request of content. */
  readonly cutAfter?: ((request: IncomingMessage) => number | undefined) | undefined;
  /** Bytes after which an answer stops, and stays open. */
  readonly stallAfter?: ((request: IncomingMessage) => number | undefined) | undefined;
  /** Answers by itself and returns true, for lies. */
  readonly lie?: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  /** Sends no ETag. */
  readonly withoutTag?: boolean;
}

export async function fileServer(t: Pick<TestContext, 'after'>, folder: string, options: FileServerOptions = {}): Promise<FileServer> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    if (options.lie?.(request, response)) return;
    const path = join(folder, decodeURIComponent(new URL(request.url ?? '/', 'http://files').pathname));
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    const etag = options.withoutTag ? {} : { ETag: `"${found.size}-${found.mtimeMs}"` };
    const whole = request.headers['if-range'] !== undefined && request.headers['if-range'] !== etag.ETag;
    const range = whole ? undefined : parseRange(request.headers.range, found.size);
    if (range === 'unsatisfiable') {
      response.writeHead(416, { 'Content-Range': `bytes */${found.size}` }).end();
      return;
    }
    const { offset, length } = range ?? { offset: 0, length: found.size };
    response.writeHead(range ? 206 : 200, {
      'Content-Length': length,
      ...etag,
      ...(range ? { 'Content-Range': `bytes ${offset}-${offset + length - 1}/${found.size}` } : {}),
    });
    const stall = options.stallAfter?.(request);
    const cut = options.cutAfter?.(request);
    if (length === 0 || request.method === 'HEAD') response.end();
    else if (stall !== undefined && stall < length)
      createReadStream(path, { start: offset, end: offset + stall - 1 }).pipe(response, { end: false });
    else if (cut === undefined || cut >= length) createReadStream(path, { start: offset, end: offset + length - 1 }).pipe(response);
    else if (cut === 0) response.destroy();
    else
      createReadStream(path, { start: offset, end: offset + cut - 1 })
        .on('end', () => setTimeout(() => response.destroy(), 20))
        .pipe(response, { end: false });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, requests };
}
