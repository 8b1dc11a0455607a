/**
 * `npm test` after setup: the checks, then every test. Both run even if the first failed, and both must pass.
 *
 *   node scripts/test.ts [files or node --test options]
 *
 * With arguments only those tests run, without the checks. Node prints its usual closing lines last.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);
/** Most tests wait for a peer, a disk or a child of their own: one more than the processors keeps them all busy. */
const concurrency = Math.min(availableParallelism() + 1, 8);
/** No single test may take longer, in milliseconds: a hanging peer must not eat the whole run. */
const timeout = 300_000;
/**
 * Most of the processes of a run are short, and spend their time on stripping types and compiling: what one has compiled, the next ones take from here.
 * The folder is ignored by git, as all of `.setup/`.
 */
process.env['NODE_COMPILE_CACHE'] ??= join(root, '.setup', 'compile-cache');

function run(args: readonly string[]): number {
  const result = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (result.error) throw result.error;
  return result.status ?? 1;
}

const only = process.argv.slice(2);
const checked = only.length > 0 ? 0 : run([join('scripts', 'check.ts')]);
const files = only.some((word) => !word.startsWith('-')) ? only : [...only, 'src/**/*.test.ts', 'test/**/*.test.ts'];
const tested = run([
  '--test',
  `--test-concurrency=${concurrency}`,
  `--test-timeout=${timeout}`,
  '--test-reporter=./scripts/test-reporter.ts',
  '--test-reporter-destination=stdout',
  ...files,
]);
if (checked !== 0) process.stdout.write('✖ npm run check failed: its report is above the tests\n');
process.exitCode = checked === 0 ? tested : checked;
