import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

import { OciFolder } from '../src/content/oci-folder.ts';
import { bay, bayFile } from './support/bay.ts';
import { makeImage, putImage } from './support/make-image.ts';
import { runProgram } from './support/program.ts';
import { temporary } from './support/temporary.ts';

const root = join(import.meta.dirname, '..');

interface Packed {
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

test('the package holds the built files and the documents, nothing else', async () => {
  const { code, stdout, stderr } = await runProgram('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root });
  assert.equal(code, 0, stderr);
  const [packed] = JSON.parse(stdout) as [Packed];
  const expected =
    /^(package\.json|README(\.ja)?\.md|LICENSE|dist\/[\w.-]+\.js|dist\/wim-decoders\.wasm|dist\/types\/[\w./-]+\.d\.ts|dist\/powershell\/Bayplan\/[\w./-]+)$/;
  assert.deepEqual(
    packed.files.map(({ path }) => path).filter((path) => !expected.test(path)),
    [],
  );
  for (const needed of [
    'LICENSE',
    'README.md',
    'dist/bay.js',
    'dist/wim-decoders.wasm',
    'dist/index.js',
    'dist/types/index.d.ts',
    'dist/powershell/Bayplan/Bayplan.psd1',
  ]) {
    assert.ok(
      packed.files.some(({ path }) => path === needed),
      `${needed} is missing`,
    );
  }
});

test('the executable imports nothing before it knows what is asked', () => {
  const text = readFileSync(bayFile, 'utf8');
  assert.match(text, /^#!\/usr\/bin\/env node\n/);
  assert.doesNotMatch(text, /^\s*import\b\s*[\w{*'"]/m);
});

test('bay --version is one line in docker’s form', async (t) => {
  const home = temporary(t);
  for (const flag of ['--version', '-v']) {
    const { code, stdout, stderr } = await bay([flag], { home });
    assert.match(stdout, /^Bayplan version \d+\.\d+\.\d+, build (unknown|[0-9a-f]{7,})\n$/);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  }
});

test('layers are unpacked by a worker that is a built file of its own', async (t) => {
  const home = temporary(t);
  const workers = globSync('*.worker.js', { cwd: dirname(bayFile) });
  assert.ok(workers.includes('layer-tree.worker.js'));
  const image = await makeImage();
  const layout = await OciFolder.open(join(home, 'layout'), { create: true });
  await putImage(layout, image);
  await layout.tag(image.target, 'made');
  for (const words of [
    ['copy', `oci:${join(home, 'layout')}:made`, 'made:1'],
    ['create', '--name', 'one', 'made:1'],
  ]) {
    const { code, stderr } = await bay(words, { home });
    assert.equal(code, 0, stderr);
  }
  const { stdout } = await bay(['export', 'one'], { home });
  assert.match(stdout, /file-1/);
});

test('a reader that has gone ends bay without a word', async (t) => {
  const home = temporary(t);
  const line = `exec 3> >(exit 0); sleep 0.5; "${process.execPath}" "${bayFile}" "$@" >&3; echo $?`;
  for (const words of [['--version'], ['--help']]) {
    const { stdout, stderr } = await runProgram('bash', ['-c', line, 'bash', ...words], { env: { BAY_HOME: home } });
    assert.equal(stderr, '', words.join(' '));
    // 141 is a shell's code for SIGPIPE; a command that had already done its work says 0.
    assert.match(stdout, /^(0|141)\n$/);
  }
});

/** An older Node, where the machine has one: `npm test` itself runs on the newest. */
const oldNode = ['/usr/bin/node', '/usr/local/bin/node'].find((file) => {
  const { status, stdout } = spawnSync(file, ['--version'], { encoding: 'utf8' });
  return status === 0 && Number.parseInt(stdout.slice(1), 10) < 22;
});

test('an old Node gets one sentence and exit code 1', { skip: oldNode === undefined && 'no Node older than 22 here' }, async () => {
  const { code, stdout, stderr } = await runProgram(oldNode ?? '', [bayFile, 'images']);
  assert.match(stderr, /^bay needs Node 22\.18 or newer, and this is Node \d+\.\d+\.\d+\.\n$/);
  assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
});

test('a TypeScript user of the library gets its types', async (t) => {
  const project = temporary(t);
  const library = join(project, 'node_modules', 'bayplan');
  mkdirSync(join(project, 'node_modules', '@types'), { recursive: true });
  cpSync(join(root, 'dist'), join(library, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(library, 'package.json'));
  for (const name of ['@types/node', 'undici-types']) symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name));
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  writeFileSync(
    join(project, 'use.ts'),
    "import { ImageError, type ErrorCode } from 'bayplan';\nconst code: ErrorCode = new ImageError('not-found', 'gone').code;\nprocess.stdout.write(code);\n",
  );
  const strict = ['--strict', '--module', 'nodenext', '--target', 'es2024', '--lib', 'es2024,esnext', '--types', 'node', '--noEmit'];
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { code, stdout } = await runProgram(process.execPath, [tsc, ...strict, 'use.ts'], { cwd: project });
  assert.deepEqual({ code, stdout }, { code: 0, stdout: '' });
  assert.ok(globSync('dist/types/**/*.d.ts', { cwd: library }).length > 0);
});
