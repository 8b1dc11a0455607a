import assert from 'node:assert/strict';
import { test } from 'node:test';

import { commands, groups } from './commands.ts';
import type { Flags } from './grammar.ts';
import { flagLines, helpText } from './help.ts';

const flags = {
  quiet: { type: 'bool', short: 'q', help: 'Suppress verbose output' },
  'all-tags': { type: 'bool', short: 'a', help: 'Download all tagged images in the repository' },
  'disable-content-trust': { type: 'bool', default: true, help: 'Skip image verification' },
  platform: { type: 'string', help: 'Set platform if server is multi-platform capable' },
  secret: { type: 'bool', hidden: true, help: 'not shown' },
} as const satisfies Flags;

test('options are listed and wrapped as docker’s', () => {
  assert.equal(
    flagLines(flags, 80),
    `  -a, --all-tags                Download all tagged images in the repository
      --disable-content-trust   Skip image verification (default true)
      --platform string         Set platform if server is multi-platform
                                capable
  -q, --quiet                   Suppress verbose output`,
  );
});

test('each type of value has its name, and a default is shown where it says something', () => {
  const lines = flagLines(
    {
      change: { type: 'list', short: 'c', help: 'A' },
      filter: { type: 'filter', help: 'B' },
      platform: { type: 'csv', help: 'C' },
      limit: { type: 'int', default: 0, help: 'D' },
      level: { type: 'string', default: 'info', help: 'E' },
      listen: { type: 'string', value: 'host:port', help: 'F' },
    },
    80,
  );
  assert.equal(
    lines,
    `  -c, --change list        A
      --filter filter      B
      --level string       E (default "info")
      --limit int          D
      --listen host:port   F
      --platform strings   C`,
  );
});

test('a terminal too narrow for two columns puts the texts below', () => {
  const lines = flagLines(flags, 50).split('\n');
  assert.equal(lines[0], '  -a, --all-tags                ');
  assert.ok(
    lines.every((line) => line.trimEnd().length <= 50),
    lines.join('\n'),
  );
});

test('every command has a help that names it, its flags and examples of itself', async () => {
  for (const { names, load, hidden } of commands) {
    if (hidden) continue;
    const command = await load();
    for (const name of names) {
      const text = await helpText(name.split(' '), { columns: 80 });
      assert.ok(text.startsWith(`Usage:  bay ${name}`), name);
      for (const [flag, spec] of Object.entries(command.flags))
        assert.equal(new RegExp(`--${flag}(?![\\w-])`).test(text), !spec.hidden, `${name} --${flag}`);
    }
    for (const [, line] of command.examples ?? []) assert.match(line, /(^|\s)bay /, `an example of ${names.join(', ')}`);
  }
});

test('no two flags of a command share a letter, and no two commands a name', async () => {
  const names = commands.flatMap((entry) => entry.names);
  assert.deepEqual(names.toSorted(), [...new Set(names)].toSorted());
  for (const { names, load } of commands) {
    const shorts = Object.values((await load()).flags).flatMap(({ short }) => (short === undefined ? [] : [short]));
    assert.equal(new Set(shorts).size, shorts.length, names.join(', '));
    assert.ok(
      // docker's -h is a host name where there is one
      shorts.every((short) => short.length === 1 && (short !== 'h' || names.includes('create'))),
      names.join(', '),
    );
  }
});

test('every group has commands, and every word before a command is a group or a command itself', async () => {
  const names = commands.flatMap((entry) => entry.names);
  const first = names.filter((name) => name.includes(' ')).map((name) => name.split(' ')[0] ?? '');
  const used = new Set(first.filter((word) => !names.includes(word)));
  assert.deepEqual([...used].toSorted(), Object.keys(groups).toSorted());
  for (const group of Object.keys(groups))
    assert.match(await helpText([group], { columns: 80 }), new RegExp(`^Usage: {2}bay ${group} COMMAND\n`));
});
