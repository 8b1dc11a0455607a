import { setTimeout as after } from 'node:timers/promises';
import { isImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import { discard } from './body.ts';
import type { Transport, WireRequest, WireResponse } from './transport.ts';

export interface RetryPolicy {
  /** Tries in all, the first included. Default 5. */
  readonly tries: number;
  /** Milliseconds before the second try; doubled for each further one, with jitter. Default 250. */
  readonly base: number;
  /** The longest wait, in milliseconds, that a registry may ask for by Retry-After; when it asks for more the request fails at once. Default 60,000. */
  readonly longest: number;
}

export const defaultRetry: RetryPolicy = { tries: 5, base: 250, longest: 60_000 };

const passing: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** Trying again at once changes nothing about these; waiting would only hide a wrong host name from the user. */
const lasting: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EPROTO', 'proxy']);

/** True for a failure of the network that may be over in a moment. */
export function isPassing(error: unknown): boolean {
  const reason = isImageError(error, 'unavailable') ? error.detail.reason : undefined;
  return isImageError(error, 'unavailable') && !lasting.has(reason) && !(typeof reason === 'string' && reason.startsWith('ERR_SSL_'));
}

/** Repeats what can be repeated without harm, after growing pauses or the one that the registry asks for. A body that is a stream is never repeated here. */
export function retrying(next: Transport, policy: RetryPolicy): Transport {
  return async (request) => {
    if (!isRepeatable(request)) return next(request);
    for (let done = 1; ; done++) {
      let response: WireResponse | undefined;
      let failure: unknown;
      try {
        response = await next(request);
        if (!passing.has(response.status)) return response;
      } catch (error) {
        if (!isPassing(error)) throw error;
        failure = error;
      }
      const delay = done < policy.tries ? retryDelay(response, done, policy) : undefined;
      if (delay === undefined) {
        if (response) return response;
        throw failure;
      }
      if (response) discard(response);
      request.onRetry?.(delay);
      await pause(delay, request.signal);
    }
  };
}

function isRepeatable({ method, body, repeatable }: WireRequest): boolean {
  if (body !== undefined && !(body instanceof Uint8Array)) return false;
  return repeatable === true || method === 'GET' || method === 'HEAD' || method === 'PUT' || method === 'DELETE';
}

/** Milliseconds to wait after try number `done`; undefined where the registry asks for longer than anybody waits. */
export function retryDelay(response: WireResponse | undefined, done: number, policy: RetryPolicy, now = Date.now()): number | undefined {
  const backoff = Math.min(policy.base * 2 ** (done - 1), policy.longest) * (0.75 + Math.random() / 2);
  const asked = response === undefined ? undefined : retryAfter(response.headers['retry-after'], now);
  if (asked === undefined) return backoff;
  return asked > policy.longest ? undefined : Math.max(asked, policy.base);
}

/** In seconds: what is longer is nothing that anybody could mean, and still a registry that wants to be left alone. */
const longestAsked = 1e9;

/** Milliseconds that a Retry-After header asks for: seconds, or a date (RFC 9110, section 10.2.3). */
export function retryAfter(header: string | undefined, now = Date.now()): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d+(?:\.\d+)?$/.test(text)) return Math.min(Number(text), longestAsked) * 1000;
  const date = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** @throws ImageError `canceled` */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await after(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw signal?.aborted ? canceled(signal.reason) : error;
  }
}
