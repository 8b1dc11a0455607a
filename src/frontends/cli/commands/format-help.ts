import type { FlagSpec } from '../grammar.ts';

/** `--format` of a command that prints a table. */
export const tableFormat: FlagSpec & { readonly type: 'string' } = {
  type: 'string',
  value: 'string',
  help: "Format output using a custom template:\n'table':            Print output in table format\nwith column headers (default)\n'table TEMPLATE':   Print output in table format\nusing the given Go template\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given\nGo template.",
  values: ['table', 'json'],
};

/** `--format` of a command that prints documents. */
export const documentFormat: FlagSpec & { readonly type: 'string' } = {
  type: 'string',
  short: 'f',
  value: 'string',
  help: "Format output using a custom template:\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given\nGo template.",
  values: ['json'],
};
