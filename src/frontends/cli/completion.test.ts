import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';

import { makeBase } from '../../../test/support/base-image.ts';
import { memoryTerminal } from '../../../test/support/memory-terminal.ts';
import { temporary } from '../../../test/support/temporary.ts';
import { ImageStore } from '../../store/image-store.ts';
import { candidates } from './completion.ts';
import { completionScripts } from './completion-scripts.ts';
import { run } from './run.ts';

/** Completes the last word of a line; a space at its end begins a new word. */
async function complete(line: string) {
  const words = line.split(' ').slice(1);
  const { words: found, files } = await candidates(words.slice(0, -1), words.at(-1) ?? '', memoryTerminal());
  return { words: found.map(([word]) => word), files };
}

test('commands and groups come first, then the commands of a group', async () => {
  const all = await complete('bay ');
  for (const word of ['images', 'image', 'version', 'system']) assert.ok(all.words.includes(word), word);
  assert.ok(!all.words.some((word) => word.startsWith('__')));
  assert.deepEqual((await complete('bay imag')).words, ['image', 'images']);
  assert.deepEqual(await complete('bay manifest '), { words: ['inspect'], files: false });
  assert.deepEqual((await complete('bay catalog ')).words, ['build']);
  assert.deepEqual((await complete('bay catalog build --s')).words, ['--sign']);
  assert.deepEqual((await complete('bay image l')).words.toSorted(), ['list', 'load', 'ls']);
});

test('containers and volumes are offered by their names, those that the line has already are not', async (t) => {
  const env = { BAY_HOME: temporary(t) };
  const store = await ImageStore.open(join(env.BAY_HOME, 'store'));
  await makeBase(store);
  await store.close();
  for (const line of ['create --name one -v data:/data base:1', 'create --name two base:1'])
    assert.equal(await run(line.split(' '), memoryTerminal({ env })), 0);
  const offered = async (line: string) => {
    const words = line.split(' ').slice(1);
    return (await candidates(words.slice(0, -1), words.at(-1) ?? '', memoryTerminal({ env }))).words.map(([word]) => word);
  };
  assert.deepEqual(await offered('bay rm '), ['one', 'two']);
  assert.deepEqual(await offered('bay rm one '), ['two']);
  assert.deepEqual(await offered('bay container diff t'), ['two']);
  assert.deepEqual(await offered('bay cp o'), ['one:']);
  assert.deepEqual(await offered('bay inspect o'), ['one']);
  assert.deepEqual(await offered('bay volume rm '), ['data']);
  assert.deepEqual(await offered('bay create '), ['base:1']);
});

test('flags are those of the command, without those given already', async () => {
  assert.deepEqual((await complete('bay version --')).words, ['--format', '--json', '--help']);
  assert.deepEqual((await complete('bay version --json --f')).words, ['--format']);
  assert.deepEqual((await complete('bay version --format json --')).words, ['--json', '--help']);
  assert.deepEqual((await complete('bay --')).words.slice(0, 2), ['--config', '--debug']);
});

test('a flag that may be given again is offered again', async () => {
  assert.ok((await complete('bay images --filter dangling=true --f')).words.includes('--filter'));
});

test('the value of a flag is completed after a space, an equals sign, or glued', async () => {
  assert.deepEqual((await complete('bay version --format ')).words, ['json']);
  assert.deepEqual((await complete('bay version -f j')).words, ['json']);
  assert.deepEqual((await complete('bay version --format=j')).words, ['--format=json']);
  assert.deepEqual((await complete('bay --log-level w')).words, ['warn']);
});

test('where a file may stand the shell is told so', async () => {
  assert.deepEqual(await complete('bay save -o '), { words: [], files: true });
  assert.deepEqual(await complete('bay --config '), { words: [], files: true });
  assert.deepEqual(await complete('bay version x'), { words: [], files: false });
  assert.deepEqual(await complete('bay nothing '), { words: [], files: false });
});

test('what the scripts read is a line for each word and a last one for files', async () => {
  const terminal = memoryTerminal();
  assert.equal(await run(['__complete', '--', 'version', '--format='], terminal), 0);
  assert.equal(terminal.out, '--format=json\n:words\n');
  const next = memoryTerminal();
  await run(['__complete', '--next', '--', 'completion'], next);
  assert.equal(next.out, 'bash\nfish\npowershell\nzsh\n:words\n');
});

test('bay completion prints the script of the shell, and refuses one it does not know', async () => {
  for (const [shell, script] of Object.entries(completionScripts)) {
    const terminal = memoryTerminal();
    assert.equal(await run(['completion', shell], terminal), 0);
    assert.equal(terminal.out, script);
  }
  const terminal = memoryTerminal();
  assert.equal(await run(['completion', 'tcsh'], terminal), 1);
  assert.match(terminal.err, /^Error: no completion for the shell "tcsh"\nHint: /);
});

/** A folder with a `bay` that runs the sources, for the shells to call. */
function withBay(t: Parameters<typeof temporary>[0]): NodeJS.ProcessEnv {
  const folder = temporary(t, 'completion');
  const file = join(folder, 'bay');
  writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${join(import.meta.dirname, '..', '..', 'main', 'bay.ts')}" "$@"\n`);
  chmodSync(file, 0o755);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return { ...env, PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}`, BAY_HOME: join(folder, 'home') };
}

function has(shell: string): boolean {
  return process.platform !== 'win32' && spawnSync(shell, ['-c', ':']).status === 0;
}

test('bash completes a word that it has cut at : and =', { skip: has('bash') ? false : 'there is no bash' }, (t) => {
  // Sets what bash sets for a completion of the words given: its own cut of the line is part of the case.
  const script = `source <(bay completion bash)
ask() { COMP_LINE=$1; COMP_POINT=\${#1}; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); __bay_complete 2>/dev/null; echo "\${COMPREPLY[*]}"; }
ask 'bay manif' bay manif
ask 'bay manifest ' bay manifest ''
ask 'bay version --format=' bay version --format =
ask 'bay version --format=j' bay version --format = j
ask 'bay version --format ' bay version --format ''
ask 'bay completion p' bay completion p
`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], { env: withBay(t), encoding: 'utf8' });
  assert.equal(stdout, 'manifest\ninspect\njson\njson\njson\npowershell\n', stderr);
});

test('fish completes', { skip: has('fish') ? false : 'there is no fish' }, (t) => {
  const cwd = temporary(t, 'files');
  writeFileSync(join(cwd, 'some file.tar'), '');
  const lines = ['bay manif', 'bay version --format=', 'bay save --output=some', "bay load -i 'some f"];
  const script = ['bay completion fish | source', ...lines.map((line) => `complete -C "${line}"`)].join('\n');
  const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', script], { env: withBay(t), encoding: 'utf8', cwd });
  const expected = ['manifest\tManage image manifests and manifest lists', '--format=json', '--output=some file.tar', 'some file.tar'];
  assert.deepEqual(stdout.trimEnd().split('\n'), expected, stderr);
});

test('zsh reads its script', { skip: has('zsh') ? false : 'there is no zsh' }, () => {
  const { status, stderr } = spawnSync('zsh', ['-f', '-n'], { input: completionScripts.zsh, encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
});
