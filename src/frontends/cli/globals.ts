/** The flags that stand before the command. */

import { ImageError } from '../../errors.ts';
import type { Flags, GlobalValues, ParsedWords } from './grammar.ts';

const levels = ['debug', 'info', 'warn', 'error', 'fatal'] as const;

export const globalFlags = {
  config: { type: 'string', help: 'Location of client config files, where registry credentials are kept' },
  debug: { type: 'bool', short: 'D', help: 'Enable debug mode' },
  'log-level': {
    type: 'string',
    short: 'l',
    default: 'info',
    help: 'Set the logging level ("debug", "info", "warn", "error", "fatal")',
    values: levels,
  },
  version: { type: 'bool', short: 'v', help: 'Print version information and quit' },
} as const satisfies Flags;

export function globalValues(words: ParsedWords): GlobalValues {
  const config = words.values.get('config');
  const named = words.values.get('log-level') ?? globalFlags['log-level'].default;
  const logLevel = levels.find((level) => level === named);
  if (logLevel === undefined)
    throw new ImageError('invalid-argument', `Unable to parse logging level: ${JSON.stringify(named)}`, { detail: { plain: true } });
  const debug = words.values.get('debug') === true;
  return { debug, config: typeof config === 'string' ? config : undefined, logLevel: debug ? 'debug' : logLevel };
}
