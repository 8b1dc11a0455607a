/**
 * Builds what is published into dist/: `bay.js`, `index.js`, one file per worker, the chunks they share, the compiled decoders, types, and the PowerShell module.
 *
 *   node scripts/build.ts [--no-types] [--clean]
 *
 * The output is flat, so that a path relative to one chunk is relative to all of them: that is how the address of a
 * worker (`new URL('./x.worker.ts', import.meta.url)`) survives being moved into a chunk. Files are replaced by rename,
 * entries last, and chunks of an earlier build stay for a while: a server that runs from dist/ may still ask for one.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { globSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { build, type Plugin } from 'esbuild';

import { forgetBuild, rememberBuild, sourcesHash } from './build-stamp.mjs';
import { joinChunks } from './join-chunks.ts';
import { nodeModules } from './node-modules.ts';
import { writePowerShellModule } from './powershell-module.ts';
import { buildWimDecoders } from './wim-decoders.ts';

const root = dirname(import.meta.dirname);
const dist = join(root, 'dist');
/** How long a chunk of an earlier build is kept, in milliseconds. */
const keepChunks = 6 * 3600 * 1000;

const commands = (...names: readonly string[]) => names.map((name) => `src/frontends/cli/commands/${name}.ts`);

/** What is loaded together, by each kind of run: also by whoever imports the library, by a worker that decodes WIM files and by the commands that wait for it, for PowerShell. Why these: docs/decisions/0002-build.md. */
const profiles = {
  library: ['src/index.ts', 'src/io/file-stream.ts'],
  serve: ['src/main/serve.ts'],
  start: ['src/main/start.ts', 'src/frontends/cli/run.ts'],
  store: ['src/operations/open-store.ts'],
  list: commands('images'),
  remote: ['src/remote/registries.ts'],
  transfer: ['src/io/file-stream.ts', ...commands('push', 'pull')],
  show: commands('history', 'inspect', 'tag', 'version'),
  container: ['src/containers/containers.ts', ...commands('ps', 'rm')],
  create: [
    'src/io/file-stream.ts',
    'src/containers/make-container.ts',
    'src/containers/container-files.ts',
    ...commands('create', 'cp', 'commit'),
  ],
  find: ['src/operations/find-base.ts', ...commands('find', 'search')],
  decoder: ['src/formats/wim/wim-decoder.worker.ts'],
  wim: commands('wim-verify', 'wim-extract'),
  cmdlet: ['src/frontends/cmdlets/run-wire.ts', 'src/frontends/cmdlets/acts/get-container-image.ts'],
};

const workerAddress = /new URL\(\s*'(?:\.{1,2}\/)[\w./-]*?([\w-]+)\.worker\.ts',\s*import\.meta\.url\s*\)/g;

const workerAddresses: Plugin = {
  name: 'worker-addresses',
  setup(context) {
    context.onLoad({ filter: /\.ts$/, namespace: 'file' }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (!text.includes('.worker.ts')) return undefined;
      return { contents: text.replace(workerAddress, "new URL('./$1.worker.js', import.meta.url)"), loader: 'ts' };
    });
  },
};

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    // A source tree without git, or without its history, builds as well; the version says so.
    return 'unknown';
  }
}

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

async function bundle(): Promise<void> {
  const workers = globSync('src/**/*.worker.ts', { cwd: root });
  const entries = ['src/main/bay.ts', 'src/index.ts', ...workers];
  const names = entries.map((entry) => basename(entry, '.ts'));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`two entries are named ${twice}: dist/ is flat, so their names must differ`);
  const result = await build({
    absWorkingDir: root,
    entryPoints: entries,
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    outdir: dist,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    packages: 'external',
    // Text without other characters is kept in one byte each, and read faster.
    charset: 'ascii',
    metafile: true,
    define: { BAYPLAN_VERSION: JSON.stringify(version), BAYPLAN_BUILD: JSON.stringify(commit()) },
    plugins: [workerAddresses, nodeModules(root)],
    write: false,
    logLevel: 'warning',
  });
  mkdirSync(dist, { recursive: true });
  const fixed = new Set(names.map((name) => `${name}.js`));
  const outputs = (await joinChunks(result, profiles, fixed)).toSorted((a, b) => Number(fixed.has(a.name)) - Number(fixed.has(b.name)));
  for (const { name, text } of outputs) {
    const draft = join(dist, `${name}.${process.pid}`);
    writeFileSync(draft, text, { mode: name === 'bay.js' ? 0o755 : 0o644 });
    renameSync(draft, join(dist, name));
  }
  const current = new Set([...outputs.map(({ name }) => name), 'wim-decoders.wasm']);
  for (const item of readdirSync(dist, { withFileTypes: true })) {
    const path = join(dist, item.name);
    if (item.isFile() && !current.has(item.name) && Date.now() - statSync(path).mtimeMs > keepChunks) rmSync(path, { force: true });
  }
}

function types(): void {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  rmSync(join(dist, 'types'), { recursive: true, force: true });
  const result = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
  if (result.status !== 0) throw new Error('the types could not be made');
}

const options = new Set(process.argv.slice(2));
const sources = sourcesHash(root);
forgetBuild(root);
if (options.has('--clean')) rmSync(dist, { recursive: true, force: true });
try {
  buildWimDecoders(root, dist);
  await bundle();
  writePowerShellModule(root, join(dist, 'powershell'), version);
  rememberBuild(root, sources);
  if (!options.has('--no-types')) types();
} catch (error) {
  // esbuild and the compiler have said what is wrong, and where; a stack of theirs would only bury it.
  process.stderr.write(`build: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}\n`);
  process.exitCode = 1;
}
