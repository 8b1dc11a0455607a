/** A store on a Windows of a test's own, looked at from both sides: by `bay` there, and by skopeo and this system in the folder. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { peer } from '../support/peers.ts';
import type { Ended } from '../support/program.ts';
import { windowsHost, type WindowsHost, type WindowsOptions, type WindowsProgram } from '../support/windows.ts';

export const skopeo = peer('skopeo');

export interface Ground {
  readonly host: WindowsHost;
  /** `BAY_HOME`, as Windows writes it. */
  readonly home: string;
  /** The store's folder, as this system writes it. */
  readonly store: string;
  /** `bay WORDS…` to its end; fails the test where it fails, or says anything on stderr. @returns stdout */
  ok(words: readonly string[], options?: Partial<WindowsOptions>): Promise<string>;
  /** `bay WORDS…` that is to fail; fails the test where it does not. */
  refused(words: readonly string[], options?: Partial<WindowsOptions>): Promise<Ended>;
  spawn(words: readonly string[], options?: Partial<WindowsOptions>): WindowsProgram;
  /** `bay serve` on a free port, until the work has ended; then by Ctrl-C, which must end it in order. @param said on stderr; nothing if not given */
  serving(work: (address: string) => Promise<void>, words?: readonly string[], said?: RegExp): Promise<void>;
  idOf(name: string): Promise<string>;
  /** The name, or each of several, is this content: for `bay` there, and for skopeo, which reads the folder here. */
  agree(names: string | readonly string[], digest: string): Promise<void>;
  /** Neither knows the name. */
  agreeGone(name: string): Promise<void>;
}

export async function windowsGround(t: Pick<TestContext, 'after'>, home = 'C:\\A B\\bay home'): Promise<Ground> {
  const host = await windowsHost(t);
  const store = join(host.drive, ...home.slice(3).split('\\'), 'store');
  const ok: Ground['ok'] = async (words, options) => {
    const { code, stdout, stderr } = await host.bay(words, { home, ...options });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, words.join(' '));
    return stdout;
  };
  const spawn: Ground['spawn'] = (words, options) => host.spawnBay(words, { home, ...options });
  const idOf = async (name: string): Promise<string> => (await ok(['images', '--no-trunc', '--format', '{{.ID}}', name])).trim();
  const seenBySkopeo = async (name: string): Promise<string | undefined> => {
    const { code, stdout } = await skopeo.try(['inspect', '--raw', `oci:${store}:${name}`]);
    return code === 0 ? `sha256:${createHash('sha256').update(stdout).digest('hex')}` : undefined;
  };
  return {
    host,
    home,
    store,
    ok,
    spawn,
    idOf,
    async refused(words, options) {
      const ended = await host.bay(words, { home, ...options });
      assert.notEqual(ended.code, 0, `${words.join(' ')}: ${ended.stdout}`);
      return ended;
    },
    async serving(work, words = [], said = /^$/) {
      const served = spawn(['serve', '--listen', '127.0.0.1:0', ...words]);
      const [, address = ''] = await served.said(/http:\/\/(127\.0\.0\.1:\d+)/);
      try {
        await work(address);
      } finally {
        served.interrupt();
        await served.ended;
      }
      assert.equal(await served.ended, 0, served.stderr());
      assert.match(served.stderr(), said);
      assert.match(served.stdout(), /Stopped\.\r?\n$/);
    },
    async agree(names, digest) {
      const listed = new Map(
        (await ok(['images', '--no-trunc', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}']))
          .trim()
          .split(/\r?\n/)
          .map((line) => line.split(' ') as [string, string]),
      );
      for (const name of [names].flat()) {
        assert.equal(listed.get(name.includes(':') ? name : `${name}:latest`), digest, name);
        if (skopeo.skip === false) assert.equal(await seenBySkopeo(name), digest, name);
      }
    },
    async agreeGone(name) {
      assert.equal(await ok(['images', '-q', name]), '', name);
      if (skopeo.skip === false) assert.equal(await seenBySkopeo(name), undefined, name);
    },
  };
}
