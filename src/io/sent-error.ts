import { asImageError, type ErrorCode, ImageError } from '../errors.ts';

/** An ImageError on its way from one thread to another: of an error's own properties, copying between threads keeps none. The cause stays behind. */
export interface SentError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** @param what was being done, for an error that is none of ours */
export function sentError(error: unknown, what: string): SentError {
  const { code, message, hint, detail } = asImageError(error, what);
  return { code, message, hint, detail };
}

export function receivedError(sent: SentError): ImageError {
  return new ImageError(sent.code, sent.message, sent);
}
