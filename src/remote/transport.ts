import type { Readable } from 'node:stream';
import type { Lender } from '../io/lent.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One request on the wire. Everything between a repository and the sockets is a Transport, or a function that wraps one. */
export interface WireRequest {
  readonly method: Method;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Bytes are sent again where a request is repeated; a stream is asked for anew. */
  readonly body?: Uint8Array | StreamedBody | undefined;
  /** Token scopes that the request needs (`repository:NAME:pull,push`), so that one token serves many requests. */
  readonly scopes?: readonly string[] | undefined;
  /** What a mirror must be able to do to answer this; undefined is for the registry itself alone. */
  readonly purpose?: 'resolve' | 'pull' | undefined;
  /** True where a repetition does no harm although the method is not idempotent: the start of an upload. */
  readonly repeatable?: boolean | undefined;
  /** Milliseconds until the answer's headers must be there, in place of the usual. */
  readonly headersTimeout?: number | undefined;
  /** True where the answer may be large and its reader takes lent bytes: its connection is then read past the parser, and serves nothing else afterwards. */
  readonly lends?: boolean | undefined;
  /** Told before each wait, in milliseconds. */
  readonly onRetry?: ((delay: number) => void) | undefined;
  /** Refuses addresses that a name turns out to have. Asked with each address before a connection to it. */
  readonly allowAddress?: ((address: string) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface StreamedBody {
  readonly open: () => Promise<AsyncIterable<Uint8Array>>;
  /** Sent as Content-Length; undefined sends chunked. */
  readonly length?: number | undefined;
}

export interface WireResponse {
  readonly status: number;
  /** Names in lower case; repeated headers are joined by `, `. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  /** To be read to its end or destroyed. */
  readonly body: Readable & Partial<Lender>;
  /** How often it was asked for, where it is a refusal that was the same each time. */
  readonly tries?: number | undefined;
}

export type Transport = (request: WireRequest) => Promise<WireResponse>;

export interface Timeouts {
  /** Milliseconds for name lookup, connection, TLS. Default 30,000. */
  readonly connect: number;
  /** Milliseconds from the end of a request to the end of the answer's headers. Default 60,000. */
  readonly headers: number;
  /** Milliseconds in which a body that is waited for must bring something. Default 30,000. */
  readonly idle: number;
}

export const defaultTimeouts: Timeouts = { connect: 30_000, headers: 60_000, idle: 30_000 };
