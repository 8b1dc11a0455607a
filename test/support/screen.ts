/** A real terminal to type into and to read: tmux is the terminal. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { bayFile } from './bay.ts';
import { peer } from './peers.ts';
import { temporary } from './temporary.ts';

export const tmux = peer('tmux');

export interface Screen {
  /** Types a line, and Enter. */
  type(line: string): Promise<void>;
  /** Keys by tmux's names: `C-c`. */
  press(key: string): Promise<void>;
  /** The screen's text as soon as it matches; `escapes` leaves colours in. */
  shows(pattern: RegExp, options?: { readonly escapes?: boolean }): Promise<string>;
  resize(columns: number, lines: number): Promise<void>;
}

/** A shell on a terminal of that size, with `bay` in it. */
export async function screen(
  t: TestContext,
  columns: number,
  lines: number,
  home: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Screen> {
  let socket = '';
  // Before the socket's folder goes, as what was asked for first is done first.
  t.after(async () => {
    await tmux.try(['-S', socket, 'kill-server']);
  });
  socket = join(temporary(t, 'tmux'), 's');
  const run = (...args: readonly string[]) =>
    tmux.run(['-S', socket, '-f', '/dev/null', ...args], { env: { TMUX: undefined, LC_ALL: 'C.UTF-8' } });
  const variables = Object.entries({ BAY_HOME: home, DOCKER_CONFIG: join(home, 'docker'), PS1: '$ ', TZ: 'UTC', NO_COLOR: '', ...env });
  const shell = ['env', '-u', 'NODE_TEST_CONTEXT', ...variables.map(([name, value]) => `${name}=${value}`), 'sh'];
  await run('new-session', '-d', '-x', String(columns), '-y', String(lines), ...shell);
  const made: Screen = {
    async type(line) {
      await run('send-keys', '-l', line);
      await run('send-keys', 'Enter');
    },
    async press(key) {
      await run('send-keys', key);
    },
    async shows(pattern, { escapes = false } = {}) {
      let text = '';
      for (const until = Date.now() + 20_000; Date.now() < until; await wait(50)) {
        text = (await run('capture-pane', '-p', '-J', ...(escapes ? ['-e'] : []))).stdout;
        if (pattern.test(text)) return text;
      }
      assert.fail(`the screen does not show ${pattern}, but:\n${text}`);
    },
    async resize(width, height) {
      await run('resize-window', '-x', String(width), '-y', String(height));
    },
  };
  await made.shows(/^\$/m);
  await made.type(`bay() { "${process.execPath}" "${bayFile}" "$@"; }; clear`);
  await made.shows(/^\$\s*$/);
  return made;
}
