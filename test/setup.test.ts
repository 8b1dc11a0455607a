import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { runProgram, type Ended } from './support/program.ts';
import { temporary } from './support/temporary.ts';

/** What stands for the product: says its words, ends by signal or with a code. */
const product = `
const [word, ...rest] = process.argv.slice(2);
if (rest.includes('exit')) process.exit(7);
process.on('SIGINT', () => { console.log('put away'); process.exit(0); });
process.on('SIGTERM', () => process.exit(3));
console.log('ready', word, rest.join(' '), process.env.BAY_LAUNCHER);
setInterval(() => {}, 1000);
`;

const build = `
import { cpSync } from 'node:fs';
import { rememberBuild, sourcesHash } from './build-stamp.mjs';
cpSync('src', 'dist', { recursive: true });
rememberBuild('.', sourcesHash('.'));
`;

interface Project {
  readonly folder: string;
  setup(words: readonly string[]): Promise<Ended>;
}

/** A project of our shape with one dependency beside it, whose build copies one file: setup itself is the real one. Offline. */
function project(t: TestContext): Project {
  const folder = join(temporary(t, 'setup'), "a clone's folder");
  for (const part of ['scripts', 'src', 'dependency']) mkdirSync(join(folder, part), { recursive: true });
  for (const name of ['setup.mjs', 'build-stamp.mjs'])
    cpSync(join(import.meta.dirname, '..', 'scripts', name), join(folder, 'scripts', name));
  const manifest = { name: 'stand-in', version: '1.0.0', type: 'module', dependencies: { dependency: 'file:dependency' } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'dependency', 'package.json'), '{ "name": "dependency", "version": "1.0.0" }');
  const packages = { '': manifest, dependency: { version: '1.0.0' }, 'node_modules/dependency': { resolved: 'dependency', link: true } };
  const lock = { name: 'stand-in', version: '1.0.0', lockfileVersion: 3, requires: true, packages };
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
  writeFileSync(join(folder, 'src', 'bay.js'), product);
  writeFileSync(join(folder, 'scripts', 'build.ts'), build);
  writeFileSync(join(folder, 'scripts', 'check.ts'), 'process.exitCode = 5;\n');
  const env = { npm_config_offline: 'true', npm_config_cache: join(folder, '..', 'cache') };
  return {
    folder,
    setup: (words) => runProgram(process.execPath, [join(folder, 'scripts', 'setup.mjs'), ...words], { env }),
  };
}

test('the first start installs and builds, the second does neither, and a changed source is built', async (t) => {
  const { folder, setup } = project(t);
  const first = await setup(['start', 'exit']);
  assert.match(first.stderr, /installing packages/);
  assert.match(first.stderr, /building/);
  assert.equal(first.code, 7);

  const second = await setup(['start', 'exit']);
  assert.equal(second.stderr, '');
  assert.equal(second.code, 7);

  writeFileSync(join(folder, 'src', 'bay.js'), 'process.exit(8);\n');
  const third = await setup(['start']);
  assert.equal(third.stderr, 'bayplan: building …\n');
  assert.equal(third.code, 8);

  rmSync(join(folder, 'dist'), { recursive: true });
  assert.equal((await setup(['start'])).stderr, 'bayplan: building …\n');
});

test('a failed build stops there, and is tried again', async (t) => {
  const { folder, setup } = project(t);
  const script = join(folder, 'scripts', 'build.ts');
  const good = readFileSync(script, 'utf8');
  writeFileSync(script, 'process.exitCode = 1;\n');
  const failed = await setup(['start', 'exit']);
  assert.match(failed.stderr, /the build failed/);
  assert.equal(failed.code, 1);
  writeFileSync(script, good);
  assert.equal((await setup(['start', 'exit'])).code, 7);
});

for (const [signal, code, last] of [
  ['SIGINT', 0, 'put away\n'],
  ['SIGTERM', 3, ''],
] as const) {
  test(
    `${signal} is passed on, and the exit code is the product’s`,
    { skip: process.platform === 'win32' && 'no signals on Windows' },
    async (t) => {
      const { folder, setup } = project(t);
      await setup(['start', 'exit']);
      const child = spawn(process.execPath, [join(folder, 'scripts', 'setup.mjs'), 'start', '--listen', '127.0.0.1:0'], { stdio: 'pipe' });
      let said = '';
      child.stdout.on('data', (part: Buffer) => (said += part.toString()));
      while (!said.includes('\n')) await once(child.stdout, 'data');
      const ready = 'ready serve --samples --listen 127.0.0.1:0 ./bay\n';
      assert.equal(said, ready);
      child.kill(signal);
      assert.deepEqual(await once(child, 'close'), [code, null]);
      assert.equal(said, ready + last);
    },
  );
}

test(
  'the launcher runs the chosen Node from any folder, and says what it is called',
  { skip: process.platform === 'win32' && 'a POSIX shell' },
  async (t) => {
    const { folder, setup } = project(t);
    await setup(['start', 'exit']);
    writeFileSync(join(folder, 'dist', 'bay.js'), 'console.log(process.execPath, process.env.BAY_LAUNCHER, process.argv.slice(2));\n');
    const { stdout } = await runProgram(join(folder, 'bay'), ['a b', '$c'], { cwd: '/' });
    assert.equal(stdout, `${process.execPath} ${join(folder, 'bay')} [ 'a b', '$c' ]\n`);
  },
);

test('a check fails with its own code; an unknown word is refused', async (t) => {
  const { setup } = project(t);
  assert.equal((await setup(['check'])).code, 5);
  const { code, stderr } = await setup(['toString']);
  assert.match(stderr, /^bayplan: usage: /);
  assert.equal(code, 1);
});

test(
  'what CI runs leaves nothing where temporary files are',
  { skip: process.platform === 'win32' ? 'it is for Debian' : false },
  async (t) => {
    const folder = temporary(t, 'ci');
    const [programs, scratch, clone] = ['programs', 'scratch', 'clone'].map((name) => join(folder, name)) as [string, string, string];
    for (const path of [programs, scratch, join(clone, '.ci')]) mkdirSync(path, { recursive: true });
    cpSync(join(import.meta.dirname, '..', '.ci', 'run'), join(clone, '.ci', 'run'));
    // All packages are there; the build of the PowerShell host leaves folders behind, as .NET's does.
    const standIns = {
      'dpkg-query': 'printf installed',
      dotnet: 'mktemp -d; echo "$*" >built',
      npm: 'exec cat built',
    };
    for (const [name, script] of Object.entries(standIns)) writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const env = { PATH: `${programs}:${process.env['PATH'] ?? ''}`, TMPDIR: scratch };
    const { code, stdout, stderr } = await runProgram('bash', [join(clone, '.ci', 'run')], { env });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^build .*--disable-build-servers/);
    assert.deepEqual(readdirSync(scratch), []);
  },
);
