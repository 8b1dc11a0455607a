/** Runs the built command as its users do: as a child, with a home of its own. */
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { runProgram, spawnProgram, type Ended, type ProgramOptions } from './program.ts';

/** The published entry. */
export const bayFile: string = join(import.meta.dirname, '..', '..', 'dist', 'bay.js');

export interface BayOptions extends ProgramOptions {
  /** `BAY_HOME`: make it with `temporary(t)`, so that a test never meets the user's own store. */
  readonly home: string;
  /** Options of Node, before the file. */
  readonly node?: readonly string[];
}

/** `bay ARGS…` to its end. Docker's settings are looked for in the home too, not in the user's. */
export function bay(args: readonly string[], options: BayOptions): Promise<Ended> {
  return runProgram(process.execPath, [...(options.node ?? []), built(), ...args], { ...options, env: environment(options) });
}

/** `bay ARGS…` left running, with three pipes: for `serve`, and for commands that a test interrupts. */
export function spawnBay(args: readonly string[], options: BayOptions): ChildProcess {
  return spawnProgram(process.execPath, [...(options.node ?? []), built(), ...args], { ...options, env: environment(options) });
}

function environment(options: BayOptions): Record<string, string | undefined> {
  return {
    BAY_HOME: options.home,
    DOCKER_CONFIG: join(options.home, 'docker'),
    NO_COLOR: '1',
    NODE_TEST_CONTEXT: undefined,
    ...options.env,
  };
}

function built(): string {
  if (!existsSync(bayFile)) throw new Error('dist/bay.js is not there: `npm run build` makes it');
  return bayFile;
}
