/**
 * A console as its user has it: lines typed into a shell, `bay` on the PATH, and what came back, kept as one text for a golden file.
 *
 * Digests differ from run to run, as a time is in every config. Each becomes one that is told from the others at a glance, in the order
 * in which they appear: `sha256:1111…`, `2222…`, and its first twelve digits where an id is short. Columns keep their width, and that two
 * lines speak of one image can still be seen.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { bayFile } from '../support/bay.ts';
import { assertGolden, Transcript } from '../support/golden.ts';
import { runProgram, type Ended } from '../support/program.ts';
import { temporary } from '../support/temporary.ts';

/** For a test's `skip` option: the lines are typed into `sh`. */
export const skipWithoutShell: false | string = process.platform === 'win32' && 'the lines are typed into sh';

export interface ConsoleOptions {
  /** `BAY_HOME`; a new empty one if not given. */
  readonly home?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export class Console {
  readonly home: string;
  /** Where the lines are typed. */
  readonly folder: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #transcript = new Transcript();

  constructor(t: Pick<TestContext, 'after'>, options: ConsoleOptions = {}) {
    const base = temporary(t, 'console');
    this.home = options.home ?? join(base, 'home');
    this.folder = join(base, 'work');
    const bin = join(base, 'bin');
    for (const folder of [this.folder, bin, this.home]) mkdirSync(folder, { recursive: true });
    writeFileSync(join(bin, 'bay'), `#!/bin/sh\nexec "${process.execPath}" "${bayFile}" "$@"\n`);
    chmodSync(join(bin, 'bay'), 0o755);
    this.#env = {
      PATH: `${bin}:${process.env['PATH'] ?? ''}`,
      BAY_HOME: this.home,
      DOCKER_CONFIG: join(this.home, 'docker'),
      CONTAINERS_REGISTRIES_CONF: join(base, 'registries.conf'),
      NO_COLOR: '1',
      TZ: 'UTC',
      LC_ALL: 'C.UTF-8',
      ...options.env,
    };
  }

  /** Types a line and keeps it with what it printed, stdout and stderr as they came. */
  async type(line: string): Promise<Ended> {
    const ended = await this.run(`{ ${line}\n} 2>&1`);
    this.#transcript.add(line, ended);
    return ended;
  }

  /** Types a line that is not part of the transcript. */
  async run(line: string): Promise<Ended> {
    return await runProgram('sh', ['-c', line], { cwd: this.folder, env: { ...this.#env, NODE_TEST_CONTEXT: undefined } });
  }

  /**
   * Compares all that was typed with `golden/NAME`. `names` are texts that differ from run to run and are written as something else of
   * their length, such as a server's port.
   */
  matches(name: string, names: Readonly<Record<string, string>> = {}): void {
    let text = this.#transcript.toString();
    for (const [actual, shown] of Object.entries({ ...names, [this.home]: '/home/me/bayplan', [this.folder]: '/home/me/work' })) {
      text = text.replaceAll(actual, shown);
    }
    assertGolden(name, sortLayers(aliasDigests(text)));
  }
}

/** Lines of layers that moved at the same time, layer by layer: which one came first is chance. */
function sortLayers(text: string): string {
  return text.replace(/(?:^[0-9a-f]{12}: .*\n)+/gm, (run) => {
    const lines = run.split('\n').slice(0, -1);
    const ids = [...new Set(lines.map((line) => line.slice(0, 12)))];
    return ids.flatMap((id) => lines.filter((line) => line.startsWith(id)).map((line) => `${line}\n`)).join('');
  });
}

/** Digests and ids become `1111…`, `2222…` in the order of their first appearance. */
function aliasDigests(text: string): string {
  const aliases = new Map<string, string>();
  return text.replace(/(?<![0-9a-zA-Z])(?:[0-9a-f]{64}|[0-9a-f]{12})(?![0-9a-zA-Z])/g, (id) => {
    const key = id.slice(0, 12);
    let alias = aliases.get(key);
    if (alias === undefined) {
      const number = (aliases.size + 1).toString(16);
      alias = number.repeat(64 / number.length);
      aliases.set(key, alias);
    }
    return alias.slice(0, id.length);
  });
}
