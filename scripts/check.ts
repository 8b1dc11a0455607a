/**
 * Every check that is not a test, in one command: types, lint, format, dead code, the shape of the package.
 *
 *   node scripts/check.ts
 *
 * All of them run, so that one visit shows all that is wrong; the exit code is 1 if any failed.
 */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);

interface Check {
  readonly name: string;
  /** What to do when it fails. */
  readonly advice: string;
  /** Arguments of Node, below the project's folder. */
  readonly run: readonly string[];
}

const tool = (path: string): string => join(root, 'node_modules', ...path.split('/'));

const checks: readonly Check[] = [
  { name: 'types', advice: 'fix the types', run: [tool('typescript/bin/tsc'), '-p', '.'] },
  { name: 'lint', advice: 'some are mended by `node_modules/.bin/oxlint --fix`', run: [tool('oxlint/bin/oxlint'), '--deny-warnings'] },
  { name: 'format', advice: '`npm run format` mends it', run: [tool('oxfmt/bin/oxfmt'), '--check'] },
  { name: 'dead code', advice: 'remove what nobody uses', run: [tool('knip/bin/knip.js'), '--no-progress', '--no-config-hints'] },
  { name: 'build', advice: 'the published files could not be made', run: [join('scripts', 'build.ts')] },
  { name: 'package', advice: 'mend package.json', run: [tool('publint/src/cli.js'), '--strict'] },
];

function runCheck(check: Check): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, check.run, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const parts: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => parts.push(part));
    child.stderr.on('data', (part: Buffer) => parts.push(part));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output: Buffer.concat(parts).toString() }));
  });
}

const failed: Check[] = [];
for (const check of checks) {
  const began = performance.now();
  const { code, output } = await runCheck(check);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`${code === 0 ? '✔' : '✖'} ${check.name} (${seconds} s)\n`);
  if (code === 0) continue;
  failed.push(check);
  process.stdout.write(`${output.trimEnd()}\n\n`);
}
if (failed.length > 0) {
  process.stdout.write(`\nThe check failed:\n${failed.map(({ name, advice }) => `  ${name}: ${advice}\n`).join('')}`);
  process.exitCode = 1;
}
