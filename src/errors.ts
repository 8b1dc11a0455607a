/**
 * The one error class and its closed set of codes.
 *
 * An error is made where the fact is known, says what happened and to what, and carries a hint when there is something
 * to do next. Each front door translates codes into its own vocabulary by one table `satisfies Record<ErrorCode, …>`;
 * no room below a front door knows HTTP statuses it will be shown as, or exit codes.
 */

/** What went wrong, as a kind. A kind says what a caller can do about it, not where it happened. */
export type ErrorCode =
  // what the user typed
  | 'invalid-argument'
  | 'invalid-reference'
  | 'invalid-digest'
  | 'invalid-platform'
  // what is, or is not, there
  | 'not-found' // a name, a container, a repository
  | 'blob-unknown'
  | 'manifest-unknown'
  | 'upload-unknown'
  | 'platform-not-found' // the image is there, this platform of it is not
  | 'ambiguous' // a short id that several images match
  | 'conflict' // something depends on it, or it exists already
  | 'incomplete' // a manifest names content that is not there
  // bytes from outside that cannot be accepted
  | 'invalid-content' // a document or archive that does not parse, or is refused by a rule
  | 'digest-mismatch'
  | 'size-mismatch'
  | 'too-large'
  | 'range-invalid' // a byte range that does not fit, or an upload's chunk out of order
  // other machines
  | 'unauthorized'
  | 'denied'
  | 'too-many-requests'
  | 'unavailable' // no connection, a timeout, a 5xx: trying again may help
  | 'insecure' // a downgrade or a host that credentials may not go to
  | 'protocol' // an answer that no rule of the protocol allows
  // this machine
  | 'invalid-config' // a settings file of the user's
  | 'disk-full'
  | 'permission'
  | 'store-unusable' // newer format, another user's, a network file system, damaged
  | 'lease-lost' // this process slept past its lease
  | 'unsupported' // a thing that exists elsewhere and not here, or not on this system
  | 'canceled'
  | 'internal'; // a fault of ours

export interface ErrorOptions {
  /** What to do next, as a sentence. */
  readonly hint?: string | undefined;
  /** Facts for machines: the name, digest, size … Never a secret. */
  readonly detail?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(redact(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint === undefined ? undefined : redact(options.hint);
    this.detail = options.detail ?? {};
  }
}

/** True for an ImageError with one of these codes. */
export function isImageError(error: unknown, ...codes: readonly ErrorCode[]): error is ImageError {
  return error instanceof ImageError && (codes.length === 0 || codes.includes(error.code));
}

/** True for an error of the operating system or of Node with one of these codes: `ENOENT`, `ERR_STREAM_PREMATURE_CLOSE` … */
export function isSystemError(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Takes user names and passwords out of URLs, and secrets out of query strings and authorization headers. */
export function redact(text: string): string {
  return text
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^/?#\s"'@]*@/gi, '$1')
    .replace(/([?&](?:[^=&\s"']*(?:token|secret|password|signature|credential|sig|code|key)[^=&\s"']*)=)[^&\s"']+/gi, '$1…')
    .replace(/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, '$1 …');
}

/** The ImageError for an error of the operating system or of Node, saying `what` was being done; an ImageError passes through. */
export function asImageError(error: unknown, what: string): ImageError {
  if (error instanceof ImageError) return error;
  const { code, name } = error as NodeJS.ErrnoException;
  const message = plainMessage(error as NodeJS.ErrnoException, what);
  const as = (kind: ErrorCode, sentence: string, hint?: string) => new ImageError(kind, `${what}: ${sentence}`, { hint, cause: error });
  if (name === 'AbortError' || code === 'ABORT_ERR') return as('canceled', 'canceled');
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return as(
        'disk-full',
        'no space left on the disk',
        'Free some space, or move the store with BAY_HOME; nothing that was already kept is lost.',
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      // Windows gives the same answer for what may not be written, and for what somebody has open.
      return as(
        'permission',
        message,
        process.platform === 'win32' ? 'If another program has it open, close that and try again.' : undefined,
      );
    case 'EBUSY':
    case 'ETXTBSY':
      return as('unavailable', message, 'Another program has it open: close that and try again.');
    case 'EIO':
    case 'ENXIO':
    case 'ENODEV':
    case 'ESTALE':
      return as(
        'unavailable',
        message,
        'Its disk fails: look whether it is still there and mounted writable, and into the system log (dmesg).',
      );
    case 'EMFILE':
    case 'ENFILE':
      return as('unavailable', message, 'Raise the limit of open files (ulimit -n), or do less at a time.');
    case 'ENOENT':
      return as('not-found', message);
    case 'EISDIR':
      return as('invalid-argument', message, 'There is a folder where a file should be: name another, or move it away.');
    case 'EEXIST':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
    case 'ELOOP':
      return as('invalid-argument', message);
    case 'ECONNREFUSED':
    case 'ECONNRESET':
    case 'ETIMEDOUT':
    case 'EPIPE':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return as('unavailable', message);
    default:
      return as('internal', message);
  }
}

/** Node's `ENOENT: no such file or directory, open '/x'` without what a user cannot use, and without the path where `what` names one: ours may be a draft's. */
function plainMessage({ code, message, path }: NodeJS.ErrnoException, what: string): string {
  if (typeof message !== 'string') return 'an unknown error';
  const prefix = `${code ?? ''}: `;
  if (code === undefined || !message.startsWith(prefix)) return message;
  const sentence = message.slice(prefix.length).replace(/, \w+(?: '.*')?$/s, '');
  return path === undefined || /[\\/]/.test(what) ? sentence : `${sentence}: ${path}`;
}
