/** Help texts in docker's layout, from the table of commands and the spec of each. */

import { commands, groups, type CommandEntry } from './commands.ts';
import { globalFlags } from './globals.ts';
import type { FlagSpec, Flags } from './grammar.ts';
import { program, usageLine } from './usage.ts';

/** The help of a command, of a group, or (for an empty path) of the program. The path names one that is there. */
export async function helpText(path: readonly string[], options: { readonly columns: number }): Promise<string> {
  const name = path.join(' ');
  if (name === '') return programHelp(options.columns);
  const entry = commands.find((candidate) => candidate.names.includes(name));
  return entry === undefined ? groupHelp(name) : await commandHelp(entry, name, options.columns);
}

async function commandHelp(entry: CommandEntry, name: string, columns: number): Promise<string> {
  const command = await entry.load();
  const parts = [`Usage:  ${usageLine(name, command.flags, command.operands)}`, wrapLines(command.description ?? entry.summary, columns)];
  // Docker names the grouped forms first.
  const names = entry.names.toSorted((left, right) => Number(right.includes(' ')) - Number(left.includes(' ')));
  if (names.length > 1) parts.push(`Aliases:\n  ${names.map((alias) => `${program} ${alias}`).join(', ')}`);
  const flags = flagLines(command.flags, columns);
  if (flags !== '') parts.push(`Options:\n${flags}`);
  const examples = (command.examples ?? []).map(([comment, line]) => `  # ${comment}\n  ${line}`);
  if (examples.length > 0) parts.push(`Examples:\n${examples.join('\n\n')}`);
  return `${parts.join('\n\n')}\n`;
}

/** Breaks lines that are too long for the terminal; indented ones are left as they are. */
function wrapLines(text: string, columns: number): string {
  const lines = text.split('\n').flatMap((line) => {
    if (line.startsWith(' ')) return [line];
    const wrapped: string[] = [];
    let current = '';
    for (const word of line.split(' ')) {
      if (current !== '' && current.length + 1 + word.length > columns) {
        wrapped.push(current);
        current = word;
      } else current = current === '' ? word : `${current} ${word}`;
    }
    return [...wrapped, current];
  });
  return lines.join('\n');
}

function groupHelp(group: string): string {
  const rows = commands.flatMap((entry) => {
    const name = entry.names.find((candidate) => candidate.startsWith(`${group} `));
    return name === undefined || entry.hidden ? [] : [[name.slice(group.length + 1), entry.summary] as const];
  });
  return `${[
    `Usage:  ${program} ${group} COMMAND`,
    groups[group] ?? '',
    `Commands:\n${twoColumns(sorted(rows))}`,
    `Run '${program} ${group} COMMAND --help' for more information on a command.`,
  ].join('\n\n')}\n`;
}

function programHelp(columns: number): string {
  const rows = (wanted: (entry: CommandEntry) => boolean) =>
    commands.flatMap((entry) => {
      const name = entry.names.find((candidate) => !candidate.includes(' '));
      return name === undefined || entry.hidden || !wanted(entry) ? [] : [[name, entry.summary] as const];
    });
  return `${[
    `Usage:  ${program} [OPTIONS] COMMAND`,
    'A container image manager: one store, many front doors, nothing lost',
    `Common Commands:\n${twoColumns(rows((entry) => entry.section === 'common'))}`,
    `Management Commands:\n${twoColumns(sorted(Object.entries(groups)))}`,
    `Commands:\n${twoColumns(sorted(rows((entry) => entry.section === undefined)))}`,
    `Global Options:\n${flagLines(globalFlags, columns)}`,
    `Run '${program} COMMAND --help' for more information on a command, and '${program} Get-Help' for the cmdlets.`,
  ].join('\n\n')}\n`;
}

function sorted(rows: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] {
  return rows.toSorted(([left], [right]) => (left < right ? -1 : 1));
}

/** Cobra's list: names padded to 11 cells or to the longest. */
function twoColumns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(11, ...rows.map(([name]) => name.length));
  return rows.map(([name, summary]) => `  ${name.padEnd(width)} ${summary}`).join('\n');
}

/** The list of options as pflag prints it: sorted, the texts in one column, wrapped to the terminal. */
export function flagLines(flags: Flags, columns: number): string {
  const rows = Object.entries(flags)
    .filter(([, flag]) => !flag.hidden)
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, flag]) => {
      const value = flag.value ?? valueNames[flag.type];
      return {
        left: `${flag.short === undefined ? '      ' : `  -${flag.short}, `}--${name}${value === '' ? '' : ` ${value}`}`,
        text: flag.help + defaultText(flag),
      };
    });
  const start = Math.max(0, ...rows.map((row) => row.left.length)) + 3;
  return rows.map((row) => `${row.left.padEnd(start)}${wrap(start, columns - 1, row.text)}`).join('\n');
}

const valueNames = { bool: '', string: 'string', int: 'int', list: 'list', csv: 'strings', filter: 'filter' } satisfies Record<
  FlagSpec['type'],
  string
>;

function defaultText(flag: FlagSpec): string {
  if (!('default' in flag) || flag.default === undefined || flag.default === false || flag.default === '' || flag.default === 0) return '';
  return flag.type === 'string' ? ` (default ${JSON.stringify(flag.default)})` : ` (default ${String(flag.default)})`;
}

/** Wraps a text into lines from column `start` to `width`, by pflag's rule: the last word may stand out by up to five cells rather than alone. */
function wrap(start: number, width: number, text: string): string {
  let indent = start;
  let room = width - indent;
  let first = '';
  let rest = text;
  const newline = () => `\n${' '.repeat(indent)}`;
  if (room < 24) {
    indent = 16;
    room = width - indent;
    first += newline();
  }
  if (room < 24) return first + rest.replaceAll('\n', newline());
  const slack = 5;
  const cut = (limit: number): [string, string] => {
    if (limit + slack > rest.length) return [rest, ''];
    const space = Math.max(...[' ', '\t', '\n'].map((blank) => rest.slice(0, limit).lastIndexOf(blank)));
    if (space <= 0) return [rest, ''];
    const line = rest.slice(0, limit).lastIndexOf('\n');
    const end = line > 0 && line < space ? line : space;
    return [rest.slice(0, end), rest.slice(end + 1)];
  };
  let [line, remaining] = cut(room - slack);
  let result = first + line.replaceAll('\n', newline());
  rest = remaining;
  while (rest !== '') {
    [line, remaining] = cut(room - slack);
    result += newline() + line.replaceAll('\n', newline());
    rest = remaining;
  }
  return result;
}
