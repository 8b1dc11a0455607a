import { test } from 'node:test';

import { commands, groups } from '../../src/frontends/cli/commands.ts';
import { run } from '../../src/frontends/cli/run.ts';
import { assertGolden, Transcript } from '../support/golden.ts';
import { memoryTerminal } from '../support/memory-terminal.ts';

async function shown(lines: readonly string[]): Promise<string> {
  const transcript = new Transcript();
  for (const line of lines) {
    const terminal = memoryTerminal({ columns: 80 });
    const code = await run(line.split(' ').slice(1), terminal);
    transcript.add(line, { code, stdout: terminal.out, stderr: terminal.err });
  }
  return transcript.toString();
}

test('the help of the program, of its groups and of each command reads as it was reviewed', async () => {
  const single = commands.filter(({ hidden }) => !hidden).map(({ names: [name = ''] }) => `bay ${name} --help`);
  assertGolden('help.txt', await shown(['bay --help', ...Object.keys(groups).map((group) => `bay ${group}`), ...single.toSorted()]));
});

test('lines that cannot be run are answered as they were reviewed', async () => {
  assertGolden(
    'usage-errors.txt',
    await shown([
      'bay foo',
      'bay image foo',
      'bay --bogus',
      'bay images --bogus',
      'bay image ls -z',
      'bay images --no-trunc=maybe',
      'bay images -f',
      'bay images -f dangling',
      'bay images a b',
      'bay search --limit x nginx',
      'bay pull',
      'bay rmi',
      'bay tag a',
      'bay version x',
      'bay help foo',
    ]),
  );
});
