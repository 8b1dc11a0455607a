#!/usr/bin/env node
/**
 * The executable's first file. It imports nothing, so that `bay --version` costs what Node's own start costs, and uses
 * only old syntax, so that an old Node gets as far as the sentence that refuses it.
 */

declare const BAYPLAN_VERSION: string | undefined;
declare const BAYPLAN_BUILD: string | undefined;

const words = process.argv.slice(2);
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`bay needs Node 22.18 or newer, and this is Node ${process.versions.node}.\n`);
  process.exitCode = 1;
} else if (words.length === 1 && (words[0] === '--version' || words[0] === '-v')) {
  // The two constants are the build's; src/version.ts has them too, but as a shared chunk it would cost a file here.
  const version = typeof BAYPLAN_VERSION === 'string' ? BAYPLAN_VERSION : '0.0.0-source';
  const commit = typeof BAYPLAN_BUILD === 'string' ? BAYPLAN_BUILD : 'unknown';
  const text = `Bayplan version ${version}, build ${commit}\n`;
  try {
    // Opening process.stdout would be a seventh of the whole run.
    process.getBuiltinModule('node:fs').writeSync(1, text);
  } catch {
    // A full pipe is waited for by the stream; a closed one is a shell's code for SIGPIPE.
    process.stdout.on('error', () => {
      process.exitCode = 141;
    });
    process.stdout.write(text);
  }
} else {
  void import('./start.ts').then(({ start }) => start(words));
}
