import type { CmdletObject } from './cmdlet-object.ts';

/** The categories of System.Management.Automation.ErrorCategory that errors here have. */
export type ErrorCategory =
  | 'NotSpecified'
  | 'CloseError'
  | 'InvalidArgument'
  | 'InvalidData'
  | 'InvalidOperation'
  | 'InvalidResult'
  | 'InvalidType'
  | 'NotImplemented'
  | 'ObjectNotFound'
  | 'OperationStopped'
  | 'PermissionDenied'
  | 'ReadError'
  | 'ResourceBusy'
  | 'ResourceExists'
  | 'ResourceUnavailable'
  | 'SecurityError'
  | 'WriteError'
  | 'AuthenticationError'
  | 'ConnectionError'
  | 'ProtocolError';

/** What PowerShell's ErrorRecord holds. */
export interface ErrorRecord {
  /** What happened to what, then what to do next; may have several lines. */
  readonly message: string;
  /** The FullyQualifiedErrorId without the cmdlet's name, which follows it after a comma. */
  readonly id: string;
  readonly category: ErrorCategory;
  /** What it is about. A text is of the type String; an object is shown by its text. */
  readonly target?: string | CmdletObject | undefined;
  /** The last part of the .NET exception's name, as in CategoryInfo. */
  readonly exceptionType: string;
  /** Where in our code it was noticed, for -Debug. */
  readonly stack?: string | undefined;
}

export interface ProgressRecord {
  /** Tells activities apart that go on at once. */
  readonly id: number;
  readonly activity: string;
  readonly status: string;
  /** 0 to 100; undefined where nobody knows. */
  readonly percent?: number | undefined;
  /** It is over, and its line goes. */
  readonly completed?: boolean | undefined;
}

export interface Choice {
  /** With an ampersand before its key: `&Yes`. */
  readonly label: string;
  readonly help: string;
}

/**
 * What a cmdlet's act sees of the shell that runs it: PowerShell's own, behind a pipe, or the command line's. Each `write` keeps its order with all others, and ends
 * when the shell can take more.
 */
export interface Shell {
  /** Where relative paths start: PowerShell's own location, which is not its process's. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C, and when nobody reads on. Its reason is an ImageError `canceled`. */
  readonly signal: AbortSignal;
  now(): Date;
  writeObject(object: CmdletObject | string): Promise<void>;
  /** An error that the cmdlet goes on after; what an act throws is written the same way and ends its turn. @throws ImageError `canceled` where -ErrorAction is Stop */
  writeError(record: ErrorRecord): Promise<void>;
  writeWarning(text: string): Promise<void>;
  writeVerbose(text: string): Promise<void>;
  /** At most ten a second are shown; more may be told. */
  writeProgress(record: ProgressRecord): void;
  /** A line for the person that is no output. */
  writeHost(text: string): Promise<void>;
  /** False under -WhatIf, which it answers for, and where the person has said no. Asks by the cmdlet's ConfirmImpact and -Confirm; -Force alone silences it. */
  shouldProcess(target: string, action: string): Promise<boolean>;
  /** Asks in any case; say `-Force` first. @throws CmdletError where nobody can be asked */
  shouldContinue(query: string, caption: string): Promise<boolean>;
  /** Resolves to the index of one of the choices. @throws CmdletError where nobody can be asked */
  promptForChoice(caption: string, message: string, choices: readonly Choice[], byDefault: number): Promise<number>;
}
