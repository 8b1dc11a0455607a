import { asImageError, type ErrorCode } from '../../errors.ts';
import { CmdletError } from './cmdlet-error.ts';
import type { ErrorCategory, ErrorRecord } from './shell.ts';

type Translation = readonly [id: string, category: ErrorCategory, exceptionType: string];

/** What PowerShell calls each kind of error. The only place that decides it. */
const translations = {
  'invalid-argument': ['InvalidArgument', 'InvalidArgument', 'ArgumentException'],
  'invalid-reference': ['InvalidName', 'InvalidArgument', 'ArgumentException'],
  'invalid-digest': ['InvalidDigest', 'InvalidArgument', 'ArgumentException'],
  'invalid-platform': ['InvalidPlatform', 'InvalidArgument', 'ArgumentException'],
  'not-found': ['ObjectNotFound', 'ObjectNotFound', 'ItemNotFoundException'],
  'blob-unknown': ['ContentNotFound', 'ObjectNotFound', 'ItemNotFoundException'],
  'manifest-unknown': ['ImageNotFound', 'ObjectNotFound', 'ItemNotFoundException'],
  'upload-unknown': ['UploadNotFound', 'ObjectNotFound', 'ItemNotFoundException'],
  'platform-not-found': ['PlatformNotFound', 'ObjectNotFound', 'ItemNotFoundException'],
  ambiguous: ['AmbiguousName', 'InvalidArgument', 'ArgumentException'],
  conflict: ['ResourceInUse', 'ResourceBusy', 'InvalidOperationException'],
  incomplete: ['IncompleteImage', 'InvalidData', 'InvalidDataException'],
  'invalid-content': ['InvalidContent', 'InvalidData', 'InvalidDataException'],
  'digest-mismatch': ['HashMismatch', 'InvalidData', 'InvalidDataException'],
  'size-mismatch': ['SizeMismatch', 'InvalidData', 'InvalidDataException'],
  'too-large': ['TooLarge', 'InvalidData', 'InvalidDataException'],
  'range-invalid': ['InvalidRange', 'InvalidArgument', 'ArgumentException'],
  unauthorized: ['Unauthorized', 'AuthenticationError', 'UnauthorizedAccessException'],
  denied: ['AccessDenied', 'PermissionDenied', 'UnauthorizedAccessException'],
  'too-many-requests': ['TooManyRequests', 'ResourceUnavailable', 'WebException'],
  unavailable: ['Unavailable', 'ConnectionError', 'WebException'],
  insecure: ['InsecureConnection', 'SecurityError', 'SecurityException'],
  protocol: ['ProtocolError', 'ProtocolError', 'WebException'],
  'invalid-config': ['InvalidSettings', 'InvalidData', 'InvalidDataException'],
  'disk-full': ['DiskFull', 'WriteError', 'IOException'],
  permission: ['PermissionDenied', 'PermissionDenied', 'UnauthorizedAccessException'],
  'store-unusable': ['RepositoryUnusable', 'ResourceUnavailable', 'InvalidOperationException'],
  'lease-lost': ['LeaseLost', 'OperationStopped', 'InvalidOperationException'],
  unsupported: ['NotSupported', 'NotImplemented', 'NotSupportedException'],
  canceled: ['PipelineStopped', 'OperationStopped', 'PipelineStoppedException'],
  internal: ['InternalError', 'NotSpecified', 'InvalidOperationException'],
} satisfies Record<ErrorCode, Translation>;

/** Any error as PowerShell's record; what to do next is its last line. */
export function errorRecord(thrown: unknown, target?: ErrorRecord['target']): ErrorRecord {
  if (thrown instanceof CmdletError) return target === undefined ? thrown.record : { target, ...thrown.record };
  const error = asImageError(thrown, 'internal error');
  const [id, category, exceptionType] = translations[error.code];
  const message = error.hint === undefined ? error.message : `${error.message}\n${error.hint}`;
  const own = error.detail['id'];
  return { message, id: typeof own === 'string' ? own : id, category, target, exceptionType, stack: error.stack };
}
