import { isImageError, type ErrorCode } from '../../errors.ts';
import { jsonAnswer, type Answer } from './answer.ts';

/** What a client is told of an error: the status, and the code of distribution-spec, "Error Codes", which binds 4xx; a 5xx has one of our own. */
interface Failure {
  readonly status: number;
  readonly code: string;
}

const internal: Failure = { status: 500, code: 'UNKNOWN' };
const unavailable: Failure = { status: 503, code: 'UNAVAILABLE' };

const failures = {
  'invalid-argument': { status: 400, code: 'UNSUPPORTED' },
  'invalid-reference': { status: 400, code: 'NAME_INVALID' },
  'invalid-digest': { status: 400, code: 'DIGEST_INVALID' },
  'invalid-platform': { status: 400, code: 'UNSUPPORTED' },
  'not-found': { status: 404, code: 'NAME_UNKNOWN' },
  'blob-unknown': { status: 404, code: 'BLOB_UNKNOWN' },
  'manifest-unknown': { status: 404, code: 'MANIFEST_UNKNOWN' },
  'upload-unknown': { status: 404, code: 'BLOB_UPLOAD_UNKNOWN' },
  'platform-not-found': { status: 404, code: 'MANIFEST_UNKNOWN' },
  ambiguous: { status: 400, code: 'NAME_INVALID' },
  conflict: { status: 409, code: 'DENIED' },
  incomplete: { status: 400, code: 'MANIFEST_BLOB_UNKNOWN' },
  'invalid-content': { status: 400, code: 'MANIFEST_INVALID' },
  'digest-mismatch': { status: 400, code: 'DIGEST_INVALID' },
  'size-mismatch': { status: 400, code: 'SIZE_INVALID' },
  'too-large': { status: 413, code: 'SIZE_INVALID' },
  'range-invalid': { status: 416, code: 'BLOB_UPLOAD_INVALID' },
  unauthorized: { status: 401, code: 'UNAUTHORIZED' },
  denied: { status: 403, code: 'DENIED' },
  'too-many-requests': { status: 429, code: 'TOOMANYREQUESTS' },
  unavailable,
  insecure: { status: 403, code: 'DENIED' },
  protocol: internal,
  'invalid-config': internal,
  'disk-full': { status: 507, code: 'UNAVAILABLE' },
  permission: internal,
  'store-unusable': unavailable,
  'lease-lost': unavailable,
  unsupported: { status: 405, code: 'UNSUPPORTED' },
  canceled: unavailable,
  internal,
} satisfies Record<ErrorCode, Failure>;

/** For people, where the error is the server's own: its message may name folders of this machine, so only the log gets that. */
const saidOfServer: Readonly<Record<number, string>> = {
  500: 'the registry failed; its log says why',
  503: 'the registry cannot do this now; try again later',
  507: 'the registry has no space left',
};

/** The one answer to an error, with the body of distribution-spec, "Error Codes". */
export function failureAnswer(error: unknown, headers: Answer['headers'] = {}): Answer {
  const { status, code } = isImageError(error) ? failures[error.code] : internal;
  if (status >= 500 || !isImageError(error))
    return errorAnswer(status, code, saidOfServer[status] ?? 'the registry failed', undefined, headers);
  const message = error.hint === undefined ? error.message : `${error.message}. ${error.hint}`;
  return errorAnswer(status, code, message, Object.keys(error.detail).length > 0 ? error.detail : undefined, headers);
}

/** An answer that no error of the rooms below stands behind: an unknown path, a method that is not there. */
export function errorAnswer(status: number, code: string, message: string, detail?: unknown, headers: Answer['headers'] = {}): Answer {
  const patience = status === 429 || status === 503 ? { 'Retry-After': 1 } : {};
  return jsonAnswer(status, { errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] }, { ...patience, ...headers });
}
