import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ImageError } from '../../errors.ts';
import { memoryTerminal, type MemoryTerminalOptions } from '../../../test/support/memory-terminal.ts';
import { run } from './run.ts';

async function bay(line: string, options: MemoryTerminalOptions & { serve?: () => Promise<number | void> } = {}) {
  const terminal = memoryTerminal(options);
  const code = await run(line === '' ? [] : line.split(' '), terminal, options.serve === undefined ? {} : { serve: options.serve });
  return { code, out: terminal.out, err: terminal.err };
}

test('a wrong flag is answered with its command’s usage line, and 125', async () => {
  assert.deepEqual(await bay('version --bogus'), {
    code: 125,
    out: '',
    err: "unknown flag: --bogus\n\nUsage:  bay version [OPTIONS]\n\nRun 'bay version --help' for more information\n",
  });
});

test('the usage line is of the name that was typed', async () => {
  const { err } = await bay('image ls --bogus');
  assert.match(err, /Usage: {2}bay image ls \[OPTIONS\] \[REPOSITORY\[:TAG\]\]\n\nRun 'bay image ls --help'/);
});

test('a wrong number of operands is answered as docker answers it, and 1', async () => {
  const wrong = async (line: string, message: string) => {
    const { code, out, err } = await bay(line);
    assert.equal(code, 1, line);
    assert.equal(out, '', line);
    assert.ok(err.startsWith(message), err);
  };
  await wrong(
    'pull',
    "bay: 'bay pull' requires 1 argument\n\nUsage:  bay pull [OPTIONS] NAME[:TAG|@DIGEST]\n\nRun 'bay pull --help' for more information\n",
  );
  await wrong('tag a', "bay: 'bay tag' requires 2 arguments\n\n");
  await wrong(
    'images a b',
    "bay: 'bay images' requires at most 1 argument\n\nUsage:  bay images [OPTIONS] [REPOSITORY[:TAG]]\n\nRun 'bay images --help'",
  );
  await wrong(
    'rmi',
    "bay: 'bay rmi' requires at least 1 argument\n\nUsage:  bay rmi [OPTIONS] IMAGE [IMAGE...]\n\nSee 'bay rmi --help' for more information\n",
  );
  await wrong('version x', "bay: 'bay version' accepts no arguments\n\n");
});

test('a command that is not there is named, in a group with the group’s usage', async () => {
  assert.deepEqual(await bay('foo'), { code: 1, out: '', err: "bay: unknown command: bay foo\n\nRun 'bay --help' for more information\n" });
  assert.deepEqual(await bay('image foo'), {
    code: 1,
    out: '',
    err: "bay: unknown command: bay image foo\n\nUsage:  bay image\n\nRun 'bay image --help' for more information\n",
  });
  assert.equal(
    (await bay('image foo --bogus')).err,
    "unknown flag: --bogus\n\nUsage:  bay image\n\nRun 'bay image --help' for more information\n",
  );
});

test('a wrong global flag is answered with the program’s usage', async () => {
  assert.deepEqual(await bay('--bogus images'), {
    code: 125,
    out: '',
    err: "unknown flag: --bogus\n\nUsage:  bay [OPTIONS] COMMAND [ARG...]\n\nRun 'bay --help' for more information\n",
  });
  assert.deepEqual(await bay('-l bogus version'), { code: 1, out: '', err: 'Unable to parse logging level: "bogus"\n' });
});

test('help is given for nothing, for a group, and for a command wherever --help stands', async () => {
  assert.match((await bay('')).out, /^Usage: {2}bay \[OPTIONS\] COMMAND\n/);
  assert.equal((await bay('')).out, (await bay('--help')).out);
  assert.match((await bay('image')).out, /^Usage: {2}bay image COMMAND\n\nManage images\n\nCommands:\n/);
  const help = (await bay('help images')).out;
  assert.match(help, /^Usage: {2}bay images \[OPTIONS\]/);
  for (const line of ['images --help', '--help images', 'images x y --help', 'images -h', 'images -aqh'])
    assert.equal((await bay(line)).out, help, line);
  assert.equal((await bay('image --help ls')).out, (await bay('help image ls')).out);
  assert.deepEqual(await bay('help foo'), { code: 1, out: '', err: 'unknown help topic: foo\n' });
});

test('--version wins over a command', async () => {
  assert.match((await bay('-v')).out, /^Bayplan version \S+, build \S+\n$/);
  assert.match((await bay('-Dv version')).out, /^Bayplan version/);
});

test('an error is a sentence and a hint, its stack only with --debug', async () => {
  const serve = async () => {
    throw new ImageError('conflict', 'the port is taken', { hint: 'Choose another with --listen.' });
  };
  assert.deepEqual(await bay('serve', { serve }), {
    code: 1,
    out: '',
    err: 'Error: the port is taken\nHint: Choose another with --listen.\n',
  });
  assert.match((await bay('--debug serve', { serve })).err, /^Error: the port is taken\nHint: .*\nImageError: the port is taken\n {4}at /);
  assert.equal(
    (await bay('serve', { serve, isTTY: true, colour: true })).err,
    '\u001b[1;31mError:\u001b[0m the port is taken\nHint: Choose another with --listen.\n',
  );
});

test('an error of ours is not shown as the user’s mistake', async () => {
  const { code, err } = await bay('serve', {
    serve: async () => {
      throw new TypeError('x is not a function');
    },
  });
  assert.deepEqual(
    [code, err],
    [1, 'Error: internal error: x is not a function\nHint: This is a fault of Bayplan: report it with what --debug prints.\n'],
  );
});

test('a command that was interrupted ends with the signal’s code, whatever it failed with', async () => {
  const terminal = memoryTerminal();
  const code = await run(['serve'], terminal, {
    serve: async () => {
      terminal.interrupt(new ImageError('canceled', 'canceled', { detail: { exitCode: 130 } }));
      throw new Error('something broke on the way down');
    },
  });
  assert.equal(code, 130);
  assert.equal(terminal.err, 'Error: canceled\n');
});

test('the reader of a pipe that has gone is told nothing', async () => {
  const terminal = memoryTerminal();
  const code = await run(['serve'], terminal, {
    serve: async () => {
      terminal.interrupt(new ImageError('canceled', 'gone', { detail: { exitCode: 141 } }));
      throw new Error('late');
    },
  });
  assert.deepEqual([code, terminal.err], [141, '']);
});

test('what a command returns is the exit code', async () => {
  assert.equal((await bay('serve', { serve: async () => 3 })).code, 3);
  assert.equal((await bay('serve', { serve: async () => {} })).code, 0);
});

test('bay version answers as text, as JSON and by a template', async () => {
  assert.match(
    (await bay('version')).out,
    /^Bayplan:\n Version: {11}\S+\n Node version: {6}\d+\.\d+\.\d+\n Git commit: {8}\S+\n OS\/Arch: {11}\w+\/\w+\n$/,
  );
  const { Client, Server } = JSON.parse((await bay('version --format json')).out);
  assert.deepEqual(Client, Server);
  assert.equal((await bay('version -f {{.Server.Version}}')).out, `${Client.Version}\n`);
  assert.deepEqual(await bay('version -f {{.Client.Nope}}'), {
    code: 1,
    out: '',
    err: 'template parsing error: template: version:1:9: executing "version" at <.Client.Nope>: map has no entry for key "Nope"\n',
  });
});
