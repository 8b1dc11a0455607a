import type { ErrorRecord } from './shell.ts';

/** An error that the table of codes would say less well: with an id and a category of its own. */
export class CmdletError extends Error {
  override readonly name = 'CmdletError';
  readonly record: ErrorRecord;

  constructor(record: ErrorRecord) {
    super(record.message);
    this.record = record;
  }
}
