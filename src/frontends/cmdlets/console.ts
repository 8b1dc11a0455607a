import type { Readable, Writable } from 'node:stream';

/** The command line that a cmdlet was typed into. */
export interface Console {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly isTTY: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  columns(): number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Its reason is an ImageError `canceled` with the exit code in its detail. */
  readonly signal: AbortSignal;
  now(): Date;
}
