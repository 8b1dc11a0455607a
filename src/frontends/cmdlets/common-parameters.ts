import type { Cmdlet, Parameter } from './cmdlet.ts';

/** What PowerShell gives each cmdlet, as far as a line outside of it can mean something by it. */
const always: readonly Parameter[] = [
  { name: 'Verbose', aliases: ['vb'], type: 'switch', help: 'Says what is done.' },
  { name: 'Debug', aliases: ['db'], type: 'switch', help: 'Says of an error where it comes from.' },
  {
    name: 'ErrorAction',
    aliases: ['ea'],
    type: 'string',
    values: ['Continue', 'Stop', 'SilentlyContinue', 'Ignore'],
    help: 'What to do after an error.',
  },
  {
    name: 'WarningAction',
    aliases: ['wa'],
    type: 'string',
    values: ['Continue', 'Stop', 'SilentlyContinue', 'Ignore'],
    help: 'What to do with warnings.',
  },
];

const changing: readonly Parameter[] = [
  { name: 'WhatIf', aliases: ['wi'], type: 'switch', help: 'Says what would be done, and does nothing.' },
  { name: 'Confirm', aliases: ['cf'], type: 'switch', help: 'Asks first.' },
];

export function commonParameters({ shouldProcess }: Pick<Cmdlet, 'shouldProcess'>): readonly Parameter[] {
  return shouldProcess ? [...always, ...changing] : always;
}
