import { setTimeout as after } from 'node:timers/promises';
import { ImageError, isImageError } from '../errors.ts';
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
  /** Milliseconds of silence, over all tries, after which a host that takes connections and says nothing is given up. Default 120,000. */
  readonly silence: number;
}

export const defaultRetry: RetryPolicy = { tries: 5, base: 250, longest: 60_000, silence: 120_000 };

const passing: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** Trying again at once changes nothing about these; waiting would only hide a wrong host name from the user. */
const lasting: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EPROTO', 'proxy']);

/** True for a failure of the network, or a registry that asks to be left alone, which may be over in a moment, and that nobody has tried to outwait yet: what is built of requests that repeat themselves must not multiply them. */
export function isPassing(error: unknown): boolean {
  if (!isImageError(error, 'unavailable', 'too-many-requests') || error.detail.tries !== undefined) return false;
  const { reason } = error.detail;
  return !lasting.has(reason) && !(typeof reason === 'string' && reason.startsWith('ERR_SSL_'));
}

/** Counts the tries of one thing, and says when it is given up: the one rule for requests, bodies and uploads. */
export class Tries {
  readonly #policy: RetryPolicy;
  #done = 0;
  #silence = 0;

  constructor(policy: RetryPolicy) {
    this.#policy = policy;
  }

  /** After a failed try, or an answer that asks to come again: milliseconds until the next; undefined where there is none. */
  next(failure: unknown, response?: WireResponse): number | undefined {
    this.#done++;
    const waited = isImageError(failure) ? failure.detail.waited : undefined;
    if (typeof waited === 'number') this.#silence += waited;
    if (this.#done >= this.#policy.tries || this.#silence >= this.#policy.silence) return undefined;
    const asked = isImageError(failure) && typeof failure.detail.retryAfter === 'number' ? failure.detail.retryAfter * 1000 : undefined;
    return retryDelay(response, this.#done, this.#policy, Date.now(), asked);
  }

  /** Something came of it: what has failed until now does not count any more. */
  again(): void {
    this.#done = 0;
    this.#silence = 0;
  }

  get done(): number {
    return this.#done;
  }

  /** The failure as it comes out at last: with the tries that it took, so that whoever meets it does not try as often again. */
  givenUp(failure: unknown): unknown {
    if (!isPassing(failure) || !isImageError(failure)) return failure;
    const silence = this.#silence > 0 ? ` (${Math.round(this.#silence / 1000)} s of silence)` : '';
    return new ImageError(failure.code, `${failure.message}; given up after ${counted(this.#done)}${silence}`, {
      hint: failure.hint,
      detail: { ...failure.detail, tries: this.#done },
      cause: failure,
    });
  }
}

function counted(tries: number): string {
  return tries === 1 ? '1 try' : `${tries} tries`;
}

/** Repeats what can be repeated without harm, after growing pauses or the one that the registry asks for. A body that is a stream is never repeated here. */
export function retrying(next: Transport, policy: RetryPolicy): Transport {
  return async (request) => {
    if (!isRepeatable(request)) return next(request);
    // Who says how long an answer may take is not made to wait for five of them.
    const silence = Math.min(policy.silence, 2 * (request.headersTimeout ?? Infinity));
    const tries = new Tries({ ...policy, silence });
    for (;;) {
      let response: WireResponse | undefined;
      let failure: unknown;
      try {
        response = await next(request);
        if (!passing.has(response.status)) return response;
      } catch (error) {
        if (!isPassing(error)) throw error;
        failure = error;
      }
      const delay = tries.next(failure, response);
      if (delay === undefined) {
        if (response) return { ...response, tries: tries.done };
        throw tries.givenUp(failure);
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

/**
 * Milliseconds to wait after try number `done`; undefined where the registry asks for longer than anybody waits. `heard`: what it has asked for, where its answer
 * has been read to an error already.
 */
export function retryDelay(
  response: WireResponse | undefined,
  done: number,
  policy: RetryPolicy,
  now = Date.now(),
  heard?: number,
): number | undefined {
  const backoff = Math.min(policy.base * 2 ** (done - 1), policy.longest) * (0.75 + Math.random() / 2);
  const asked = response === undefined ? heard : retryAfter(response.headers['retry-after'], now);
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
