import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { ImageError } from '../../errors.ts';
import { memoryTerminal } from '../../../test/support/memory-terminal.ts';
import { command, parseWords, type Filter, type Flags } from './grammar.ts';

const flags = {
  all: { type: 'bool', short: 'a', help: '' },
  quiet: { type: 'bool', short: 'q', help: '' },
  'no-trunc': { type: 'bool', help: '' },
  'disable-content-trust': { type: 'bool', default: true, help: '' },
  format: { type: 'string', short: 'f', help: '' },
  limit: { type: 'int', short: 'n', default: 25, help: '' },
  change: { type: 'list', short: 'c', help: '' },
  platform: { type: 'csv', help: '' },
  filter: { type: 'filter', help: '' },
} as const satisfies Flags;

/** What a command with these flags reads from a line. */
async function read(line: readonly string[], options: { stopAtFirst?: boolean } = {}) {
  let seen:
    | { all: boolean; format: string | undefined; limit: number; change: readonly string[]; filter: readonly Filter[]; rest: object }
    | undefined;
  const spec = command({
    operands: { usage: '', min: 0 },
    flags,
    async run({ flags: { all, format, limit, change, filter, ...rest }, operands }) {
      seen = { all, format, limit, change, filter, rest: { ...rest, operands } };
    },
  });
  await spec.start({
    words: parseWords(flags, line, options),
    given: new Set(),
    terminal: memoryTerminal(),
    globals: { debug: false, config: undefined, logLevel: 'info' },
    name: 'x',
    report: () => assert.fail(),
    serve: async () => {},
  });
  return seen;
}

const absent = {
  all: false,
  format: undefined,
  limit: 25,
  change: [],
  filter: [],
  rest: { quiet: false, noTrunc: false, disableContentTrust: true, platform: [], operands: [] },
};

const reading = ({ rest = {}, ...expected }: Readonly<Record<string, unknown>> & { rest?: object }) => ({
  ...absent,
  ...expected,
  rest: { ...absent.rest, ...rest },
});

function fails(message: string, ...line: string[]): void {
  assert.throws(
    () => parseWords(flags, line),
    (error: unknown) => error instanceof ImageError && error.message === message && error.detail['exitCode'] === 125,
  );
}

test('a flag that is not given has its default, and names are read in camel case', async () => {
  assert.deepEqual(await read([]), absent);
});

test('values stand after a space, after an equals sign, or glued to a short flag', async () => {
  for (const line of [['--format', 'x'], ['--format=x'], ['-f', 'x'], ['-fx'], ['-f=x']])
    assert.deepEqual(await read(line), reading({ format: 'x' }), line.join(' '));
  assert.deepEqual(await read(['--format=']), reading({ format: '' }));
  assert.deepEqual(await read(['-f', '--all']), reading({ format: '--all' }));
});

test('short flags are joined, the last of them may have a value', async () => {
  assert.deepEqual(await read(['-aq']), reading({ all: true, rest: { quiet: true } }));
  assert.deepEqual(await read(['-aqfx']), reading({ all: true, format: 'x', rest: { quiet: true } }));
  assert.deepEqual(await read(['-aqf', 'x']), reading({ all: true, format: 'x', rest: { quiet: true } }));
});

test('a boolean takes a value only by an equals sign, in any of the spellings of Go', async () => {
  for (const no of ['0', 'f', 'F', 'false', 'FALSE', 'False']) assert.deepEqual(await read(['--all', `--all=${no}`]), absent, no);
  for (const yes of ['1', 't', 'T', 'true', 'TRUE', 'True']) assert.deepEqual(await read([`-a=${yes}`]), reading({ all: true }), yes);
  assert.deepEqual(await read(['--all', 'false']), reading({ all: true, rest: { operands: ['false'] } }));
  assert.deepEqual(await read(['--disable-content-trust=false']), reading({ rest: { disableContentTrust: false } }));
});

test('a flag given again wins, a list grows, commas cut a csv, a filter is a name and a value', async () => {
  assert.deepEqual(await read(['-fx', '-fy']), reading({ format: 'y' }));
  assert.deepEqual(await read(['-c', 'a,b', '--change=c']), reading({ change: ['a,b', 'c'] }));
  assert.deepEqual(await read(['--platform', 'a,b', '--platform=c']), reading({ rest: { platform: ['a', 'b', 'c'] } }));
  assert.deepEqual(
    await read(['--filter', ' Label = a=b ', '--filter=', '--filter=until=1h']),
    reading({
      filter: [
        { name: 'label', value: 'a=b' },
        { name: 'until', value: '1h' },
      ],
    }),
  );
});

test('flags may follow operands, and nothing after two dashes is a flag', async () => {
  assert.deepEqual(await read(['x', '-a', '-', '--', '-q', '--']), reading({ all: true, rest: { operands: ['x', '-', '-q', '--'] } }));
});

test('a command that runs another one leaves its flags alone', async () => {
  assert.deepEqual(
    await read(['-a', 'sh', '-c', 'ls'], { stopAtFirst: true }),
    reading({ all: true, rest: { operands: ['sh', '-c', 'ls'] } }),
  );
});

test('whole numbers are read as Go reads them', async () => {
  for (const [text, value] of [
    ['7', 7],
    ['-7', -7],
    ['+7', 7],
    ['0x1f', 31],
    ['017', 15],
    ['0b11', 3],
    ['1_000', 1000],
  ] as const)
    assert.equal((await read([`--limit=${text}`]))?.limit, value, text);
});

test('words that do not fit are refused in the words of docker, with its exit code', () => {
  fails('unknown flag: --bogus', '--bogus');
  fails('unknown flag: --bogus', 'x', '--bogus=1', '--help');
  fails("unknown shorthand flag: 'z' in -zq", '-zq');
  fails("unknown shorthand flag: 'z' in -z", '-aqz');
  fails("unknown shorthand flag: '=' in -=", '-=');
  fails('bad flag syntax: --=x', '--=x');
  fails('bad flag syntax: ---x', '---x');
  fails('flag needs an argument: --format', '--format');
  fails("flag needs an argument: 'f' in -f", '-af');
  fails('invalid argument "maybe" for "--no-trunc" flag: strconv.ParseBool: parsing "maybe": invalid syntax', '--no-trunc=maybe');
  fails('invalid argument "false=x" for "-a, --all" flag: strconv.ParseBool: parsing "false=x": invalid syntax', '-a=false=x');
  fails('invalid argument "x" for "-n, --limit" flag: strconv.ParseInt: parsing "x": invalid syntax', '--limit', 'x');
  fails(
    'invalid argument "99999999999999999999" for "-n, --limit" flag: strconv.ParseInt: parsing "99999999999999999999": value out of range',
    '-n99999999999999999999',
  );
  fails('invalid argument "dangling" for "--filter" flag: bad format of filter (expected name=value)', '--filter', 'dangling');
});

test('any words are either read or refused, and what is read keeps every operand', () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom('-a', '-aq', '--all', '--format', '-f', '--', '-', '--limit=3', 'x', '-c', '--filter'),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (words) => {
      try {
        const { operands } = parseWords(flags, words);
        for (const operand of operands) assert.ok(words.includes(operand));
      } catch (error) {
        assert.ok(error instanceof ImageError, String(error));
      }
    }),
  );
});
