/** Compiles assembly/wim-decoders to WebAssembly: beside the sources, where code that runs from them looks for it, and into dist/. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const name = 'wim-decoders.wasm';

/** @throws Error where they do not compile: what is wrong has been printed */
export function buildWimDecoders(root: string, dist: string): void {
  const folder = join(root, 'src', 'formats', 'wim');
  const draft = `${name}.${process.pid}`;
  const stamp = join(root, '.setup', 'wim-decoders.stamp');
  const sources = sourcesOf(root);
  const isCompiled = existsSync(join(folder, name)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === sources;
  if (!isCompiled) {
    compile(root, join('src', 'formats', 'wim', draft));
    renameSync(join(folder, draft), join(folder, name));
    mkdirSync(join(root, '.setup'), { recursive: true });
    writeFileSync(stamp, sources);
  }
  mkdirSync(dist, { recursive: true });
  copyFileSync(join(folder, name), join(dist, draft));
  renameSync(join(dist, draft), join(dist, name));
}

function compile(root: string, file: string): void {
  const compiler = join(root, 'node_modules', 'assemblyscript', 'bin', 'asc.js');
  const options = [
    ...['--outFile', file, '--runtime', 'stub', '-O3', '--noAssert', '--use', 'abort='],
    // The memory is its user's, and shared: others read what is decoded where it is. Its size is its user's to choose.
    ...['--importMemory', '--noExportMemory', '--sharedMemory', '--initialMemory', '8', '--maximumMemory', '65536'],
    ...['--enable', 'threads,simd'],
  ];
  const words = [compiler, join('assembly', 'wim-decoders', 'index.ts'), ...options];
  const { status } = spawnSync(process.execPath, words, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error('the decoders of WIM files could not be compiled');
}

/** One hash of all that the module depends on, which takes two seconds to compile and seldom changes. */
function sourcesOf(root: string): string {
  const sum = createHash('sha256');
  const files = globSync('assembly/**/*.ts', { cwd: root }).toSorted();
  for (const file of [...files, join('scripts', 'wim-decoders.ts'), join('node_modules', 'assemblyscript', 'package.json')])
    sum.update(readFileSync(join(root, file)));
  return sum.digest('hex');
}
