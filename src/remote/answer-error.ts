import { STATUS_CODES } from 'node:http';
import { ImageError, type ErrorCode } from '../errors.ts';
import { isObject } from '../model/descriptor.ts';
import { parseChallenges } from './challenge.ts';
import { readStart } from './body.ts';
import { retryAfter } from './retry.ts';
import type { WireResponse } from './transport.ts';

/** The first error of a distribution answer: `{"errors":[{"code","message","detail"}]}`, or a token service's `{"details"}` and `{"error","error_description"}`. */
export interface AnswerProblem {
  readonly code: string;
  readonly message: string;
}

const maxProblemBytes = 64 * 1024;

export interface AnswerContext {
  /** True where no credentials were there to send: then a login may help. */
  readonly anonymous?: boolean;
  /** True where the answer is not the registry's: no login there would help. */
  readonly elsewhere?: boolean;
  /** Codes that the registry's words have here, before the usual ones: `MANIFEST_UNKNOWN` → its sentence. */
  readonly say?: (problem: AnswerProblem, status: number) => ImageError | undefined;
}

/**
 * The error for an answer that is not what was asked for: `WHAT: unauthorized: authentication required`.
 * The words are the registry's (at most 64 KiB are read, a line is kept), the code is ours.
 */
export async function answerError(response: WireResponse, what: string, context: AnswerContext = {}): Promise<ImageError> {
  const problem = readProblem(await readStart(response, maxProblemBytes, 5000), response);
  const said = context.say?.(problem, response.status);
  if (said) return said;
  const wait = retryAfter(response.headers['retry-after']);
  return new ImageError(codeOf(response.status, problem.code), `${what}: ${problemText(problem)}`, {
    hint: hintFor(response, context, wait),
    detail: {
      status: response.status,
      url: response.url.origin + response.url.pathname,
      registryCode: problem.code,
      ...(response.tries === undefined ? {} : { tries: response.tries }),
      ...(wait === undefined ? {} : { retryAfter: wait / 1000 }),
      ...(response.headers['ratelimit-limit'] === undefined
        ? {}
        : { rateLimit: response.headers['ratelimit-limit'], rateRemaining: response.headers['ratelimit-remaining'] }),
    },
  });
}

/** `manifest unknown: manifest unknown`: docker's way to print a registry's error. */
export function problemText({ code, message }: AnswerProblem): string {
  return code === '' ? message : `${code.toLowerCase().replaceAll('_', ' ')}: ${message}`;
}

function readProblem(bytes: Buffer, response: WireResponse): AnswerProblem {
  // RFC 6750, section 3.1: the challenge itself may say what is wrong.
  const bearer = parseChallenges(response.headers['www-authenticate']).find(({ scheme }) => scheme === 'bearer')?.parameters;
  if (response.status === 401 && bearer?.get('error') === 'insufficient_scope')
    return { code: 'DENIED', message: oneLine(bearer.get('error_description') ?? '') || 'requested access to the resource is denied' };
  const plain = { code: '', message: `${response.status} ${STATUS_CODES[response.status] ?? ''}`.trim() };
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString('utf8'));
  } catch {
    const text = oneLine(bytes.toString('utf8'));
    return text === '' || text.includes('<') ? plain : { code: '', message: `${plain.message}: ${text}` };
  }
  if (!isObject(document)) return plain;
  const first: unknown = Array.isArray(document.errors) ? document.errors[0] : document;
  if (typeof first === 'string' && first !== '') return { code: '', message: oneLine(first) };
  if (!isObject(first)) return plain;
  const text = (key: string) => (typeof first[key] === 'string' ? oneLine(first[key]) : '');
  const code = /^[A-Z0-9_]{1,64}$/i.test(text('code')) ? text('code').toUpperCase() : '';
  const message = text('message') || text('error_description') || text('details') || text('detail') || text('error');
  if (code === '' && message === '') return plain;
  return { code: code || (response.status === 401 ? 'UNAUTHORIZED' : ''), message: message || code.toLowerCase().replaceAll('_', ' ') };
}

/** What a stranger wrote, fit for a terminal's line. */
export function oneLine(text: string, limit = 500): string {
  // eslint-disable-next-line no-control-regex
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, ' ').trim();
  return line.length > limit ? `${line.slice(0, limit)}…` : line;
}

const codes: Readonly<Record<string, ErrorCode>> = {
  BLOB_UNKNOWN: 'blob-unknown',
  BLOB_UPLOAD_UNKNOWN: 'upload-unknown',
  BLOB_UPLOAD_INVALID: 'range-invalid',
  RANGE_INVALID: 'range-invalid',
  DIGEST_INVALID: 'digest-mismatch',
  SIZE_INVALID: 'size-mismatch',
  MANIFEST_UNKNOWN: 'manifest-unknown',
  MANIFEST_BLOB_UNKNOWN: 'incomplete',
  MANIFEST_INVALID: 'invalid-content',
  MANIFEST_UNVERIFIED: 'invalid-content',
  NAME_UNKNOWN: 'not-found',
  NAME_INVALID: 'invalid-reference',
  TAG_INVALID: 'invalid-reference',
  UNAUTHORIZED: 'unauthorized',
  DENIED: 'denied',
  UNSUPPORTED: 'unsupported',
  TOOMANYREQUESTS: 'too-many-requests',
};

function codeOf(status: number, code: string): ErrorCode {
  const byName = codes[code];
  // A 5xx is the registry's own trouble, whatever its body says.
  if (byName !== undefined && status < 500) return byName;
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'denied';
  if (status === 404 || status === 410) return 'not-found';
  if (status === 405 || status === 501) return 'unsupported';
  if (status === 413) return 'too-large';
  if (status === 416) return 'range-invalid';
  if (status === 429) return 'too-many-requests';
  return status >= 500 || status === 408 ? 'unavailable' : 'protocol';
}

function hintFor(response: WireResponse, context: AnswerContext, wait: number | undefined): string | undefined {
  if (response.status === 429) {
    const limit = response.headers['ratelimit-limit'];
    const when = wait === undefined ? '' : ` It asks to wait ${Math.ceil(wait / 1000)} s.`;
    return `The registry limits how often it is asked${limit === undefined ? '' : ` (${limit})`}.${when} A login often raises the limit; a mirror avoids it.`;
  }
  if (response.status === 401 && context.elsewhere)
    return 'That host is not the registry, and gets no credentials. Get the image from a registry that holds all of it.';
  if (response.status === 401)
    return context.anonymous === false
      ? 'The credentials that are kept for this registry are not accepted; log in again.'
      : 'Log in to the registry first.';
  return undefined;
}
