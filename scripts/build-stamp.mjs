/**
 * What the build in dist/ was made from, as one hash: the build writes it last, setup compares it before it builds.
 * Plain JavaScript, since setup runs on any Node. By content, not by time: a checkout must be seen, a touch must not.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @param {string} root the project's folder
 * @returns {string}
 */
export function sourcesHash(root) {
  /** @type {(folder: string) => string[]} */
  const below = (folder) =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return below(path);
      return entry.name.endsWith('.test.ts') || entry.name.includes('.wasm') ? [] : [path];
    });
  const sum = createHash('sha256');
  const others = ['assembly', 'powershell'].flatMap((folder) => (existsSync(join(root, folder)) ? below(folder).sort() : []));
  const build = ['build.ts', 'join-chunks.ts', 'node-modules.ts', 'powershell-help.ts', 'powershell-module.ts', 'wim-decoders.ts']
    .map((name) => join('scripts', name))
    .filter((file) => existsSync(join(root, file)));
  for (const file of [...below('src').sort(), ...others, ...build, 'package.json', 'package-lock.json']) {
    sum
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0');
  }
  return sum.digest('hex');
}

/** @param {string} root */
const stampFile = (root) => join(root, '.setup', 'build.stamp');

/**
 * Whether dist/ is what these sources give.
 * @param {string} root
 */
export function isBuilt(root) {
  const file = stampFile(root);
  return existsSync(join(root, 'dist', 'bay.js')) && existsSync(file) && readFileSync(file, 'utf8') === sourcesHash(root);
}

/**
 * To be called before dist/ is touched: a build that fails half-way must not look finished.
 * @param {string} root
 */
export function forgetBuild(root) {
  rmSync(stampFile(root), { force: true });
}

/**
 * @param {string} root
 * @param {string} hash of the sources as they were when the build read them
 */
export function rememberBuild(root, hash) {
  mkdirSync(join(root, '.setup'), { recursive: true });
  writeFileSync(stampFile(root), hash);
}
