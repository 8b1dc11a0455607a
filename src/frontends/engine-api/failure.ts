import { ImageError, isImageError, type ErrorCode } from '../../errors.ts';
import { jsonAnswer, type Answer } from './answer.ts';

/** docker's statuses (moby, daemon/server/httpstatus). */
const statuses = {
  'invalid-argument': 400,
  'invalid-reference': 400,
  'invalid-digest': 400,
  'invalid-platform': 400,
  'not-found': 404,
  'blob-unknown': 404,
  'manifest-unknown': 404,
  'upload-unknown': 404,
  'platform-not-found': 404,
  // Docker says 404, which `docker rmi -f` takes for done.
  ambiguous: 400,
  conflict: 409,
  incomplete: 500,
  'invalid-content': 400,
  'digest-mismatch': 500,
  'size-mismatch': 500,
  'too-large': 413,
  'range-invalid': 400,
  unauthorized: 401,
  denied: 403,
  'too-many-requests': 429,
  unavailable: 500,
  insecure: 403,
  protocol: 500,
  'invalid-config': 500,
  'disk-full': 507,
  permission: 500,
  'store-unusable': 503,
  'lease-lost': 503,
  unsupported: 501,
  canceled: 500,
  internal: 500,
} satisfies Record<ErrorCode, number>;

/** The whole answer to an error, before the first byte of another has left. */
export function failureAnswer(error: unknown): Answer {
  if (isImageError(error) && error.detail['plainText'] === true) {
    const body = Buffer.from(`${failureText(error)}\n`);
    return {
      status: statuses[error.code],
      headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff', 'Content-Length': body.length },
      body,
    };
  }
  return jsonAnswer(isImageError(error) ? statuses[error.code] : 500, { message: failureText(error) });
}

/** What a client is told: the sentence, which is docker's where docker has one, and what to do next on a line of its own. */
export function failureText(error: unknown): string {
  // What is no error of ours is a fault of ours: its words are for the log.
  if (!isImageError(error)) return 'internal error; the log of the server says more';
  return error.hint === undefined ? error.message : `${error.message}\n${error.hint}`;
}

/** For paths and methods that are not there; docker does not tell one from the other. */
export function pageNotFound(): ImageError {
  return new ImageError('not-found', 'page not found');
}
