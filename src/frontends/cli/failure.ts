/** How an error is shown on the command line: its text and its exit code. The only place that decides either. */

import { asImageError, type ErrorCode } from '../../errors.ts';
import { printableText } from '../../io/printable.ts';

/** Docker's codes: 1 for whatever failed, 125 for a line that could not be read (its errors carry that in `detail.exitCode`). */
const exitCodes = {
  'invalid-argument': 1,
  'invalid-reference': 1,
  'invalid-digest': 1,
  'invalid-platform': 1,
  'not-found': 1,
  'blob-unknown': 1,
  'manifest-unknown': 1,
  'upload-unknown': 1,
  'platform-not-found': 1,
  ambiguous: 1,
  conflict: 1,
  incomplete: 1,
  'invalid-content': 1,
  'digest-mismatch': 1,
  'size-mismatch': 1,
  'too-large': 1,
  'range-invalid': 1,
  unauthorized: 1,
  denied: 1,
  'too-many-requests': 1,
  unavailable: 1,
  insecure: 1,
  protocol: 1,
  'invalid-config': 1,
  'disk-full': 1,
  permission: 1,
  'store-unusable': 1,
  'lease-lost': 1,
  unsupported: 1,
  canceled: 130,
  internal: 1,
} satisfies Record<ErrorCode, number>;

/** What to do where the error itself does not say, since it was made too far from the user to know. */
const hints: Partial<Record<ErrorCode, string>> = {
  'size-mismatch': 'The content was damaged or replaced on its way; it has not been kept.',
  'invalid-content': 'Nothing of it has been kept. Get it again from where it was made.',
  'too-large': 'That is more than such a thing ever needs; nothing of it has been kept.',
  unavailable: 'Check the address and the network. What has been downloaded is kept: the next try goes on with it.',
  insecure: 'No credentials were sent there. Whoever runs the registry can say whether it is set up wrong, or somebody is in between.',
  protocol: 'Check the address: what answers there may be no registry, or a proxy before one.',
  internal: 'This is a fault of Bayplan: report it with what --debug prints.',
};

export interface Failure {
  /** Lines for stderr, ended by a newline; empty when there is nobody to tell. */
  readonly text: string;
  readonly exitCode: number;
}

/**
 * `Error: what happened to what`, then the hint on a line of its own. Errors whose `detail.plain` is true are docker's own
 * words and stand without the prefix; `detail.exitCode` goes before the table. A stack is shown only with --debug.
 */
export function describeFailure(thrown: unknown, options: { readonly debug: boolean; readonly colour: boolean }): Failure {
  const error = asImageError(thrown, 'internal error');
  const own = error.detail['exitCode'];
  const exitCode = typeof own === 'number' ? own : exitCodes[error.code];
  if (exitCode === 141) return { text: '', exitCode };
  // Words of strangers are in many errors: whatever room they come from, no terminal is given orders by them.
  const bold = (text: string) => (options.colour ? `\u001b[1;31m${text}\u001b[0m` : text);
  const lines = [error.detail['plain'] === true ? printableText(error.message) : `${bold('Error:')} ${printableText(error.message)}`];
  const hint = error.hint ?? (error.detail['plain'] === true ? undefined : hints[error.code]);
  if (hint !== undefined) lines.push(`Hint: ${printableText(hint)}`);
  if (options.debug) for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) lines.push(cause.stack ?? String(cause));
  return { text: `${lines.join('\n')}\n`, exitCode };
}
