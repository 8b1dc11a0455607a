/** Compiles assembly/wim-decoders to WebAssembly: beside the sources, where code that runs from them looks for it, and into dist/. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

const name = 'wim-decoders.wasm';

/** @throws Error where they do not compile: what is wrong has been printed */
export function buildWimDecoders(root: string, dist: string): void {
  const folder = join(root, 'src', 'formats', 'wim');
  const draft = `${name}.${process.pid}`;
  const compiler = join(root, 'node_modules', 'assemblyscript', 'bin', 'asc.js');
  const options = [
    ...['--outFile', join('src', 'formats', 'wim', draft), '--runtime', 'stub', '-O3', '--noAssert', '--use', 'abort='],
    // The memory is its user's, and shared: others read what is decoded where it is. Its size is its user's to choose.
    ...['--importMemory', '--noExportMemory', '--sharedMemory', '--initialMemory', '8', '--maximumMemory', '65536', '--enable', 'threads'],
  ];
  const result = spawnSync(process.execPath, [compiler, join('assembly', 'wim-decoders', 'index.ts'), ...options], {
    cwd: root,
    stdio: 'inherit',
  });
  if (result.status !== 0) throw new Error('the decoders of WIM files could not be compiled');
  mkdirSync(dist, { recursive: true });
  copyFileSync(join(folder, draft), join(dist, draft));
  renameSync(join(folder, draft), join(folder, name));
  renameSync(join(dist, draft), join(dist, name));
}
