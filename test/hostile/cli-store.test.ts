/** A store in trouble, as the command line's user meets it: no room, no permission, another's, a newer one, processes that died in it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { bay, bayFile, spawnBay } from '../support/bay.ts';
import { noise } from '../support/lying-registry.ts';
import { tarOf } from '../support/make-image.ts';
import { peer } from '../support/peers.ts';
import { runProgram, spawnProgram } from '../support/program.ts';
import { temporary } from '../support/temporary.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { homeWithImage } from './cli-home.ts';

const isRoot = process.getuid?.() === 0;
const setpriv = peer('setpriv');
const sh = peer('sh');
const nobody = 65534;

test(
  'a disk that fills up in the middle of a load, an import and a save',
  { skip: !isRoot && 'only root can make a small disk' },
  async (t) => {
    const disk = join(temporary(t, 'disk'), 'disk');
    mkdirSync(disk);
    const mounted = await runProgram('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk]);
    if (mounted.code !== 0) return t.skip(`no file system can be mounted here: ${mounted.stderr.trim()}`);
    try {
      const home = await homeWithImage(t, join(disk, 'home'));
      const tar = await tarOf({ large: noise(8_000_000) });
      const full = { says: /^Error: .*no space left on the disk$/m, hint: /Free some space/ };
      await home.refuses(['import', '-', 'large:1'], full, { input: tar });
      await home.intact();
      const other = await homeWithImage(t);
      await other.succeeds(['import', '-', 'large:1'], { input: tar });
      const archive = join(other.folder, 'large.tar');
      await other.succeeds(['save', '-o', archive, 'large:1']);
      await home.refuses(['load', '-i', archive], full);
      await home.intact();
      const target = join(disk, 'out.tar');
      await other.refuses(['save', '-o', target, 'large:1'], full);
      assert.equal(existsSync(target), false, 'no half of an archive has the name of a whole one');
      assert.deepEqual(readdirSync(disk), ['home']);
      await home.refuses(['copy', '-q', `oci-archive:${archive}`, `oci:${disk}/layout:1`], full);
      rmSync(join(disk, 'layout'), { recursive: true, force: true });
      // And there is room again for what fits.
      await home.succeeds(['tag', 'kept:1', 'kept:2']);
      await home.succeeds(['rmi', 'kept:2']);
      await home.intact();
      assert.ok(statfsSync(disk).bavail * statfsSync(disk).bsize > 2_000_000, 'what did not fit was cleared away');
    } finally {
      await runProgram('umount', ['-l', disk]);
    }
  },
);

test(
  'a folder that the system lets nobody make is refused, in whatever place it is asked for',
  { skip: process.platform !== 'linux' && 'only Linux has /proc' },
  async (t) => {
    const home = await homeWithImage(t);
    const nowhere = '/proc/nobody/here';
    const refused = { says: /^Error: .*\/proc\/nobody.*no such file or directory$/m };
    const ended = await bay(['images'], { home: nowhere, timeout: 20_000 });
    assert.equal(ended.code, 1, ended.stderr);
    assert.match(ended.stderr, refused.says);
    await home.refuses(['store', 'move', nowhere], refused);
    for (const place of ['oci', 'dir']) await home.refuses(['copy', '-q', 'kept:1', `${place}:${nowhere}`], refused);
    await home.intact();
  },
);

test('a store of a later version is refused, and not touched', async (t) => {
  const home = await homeWithImage(t);
  const file = join(home.store, 'bay', 'store.sqlite');
  const database = new DatabaseSync(file);
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  database.exec('PRAGMA user_version = 999');
  database.close();
  const newer = { says: /^Error: .*(newer|later)/m, hint: /./ };
  for (const line of [
    ['images'],
    ['pull', '-q', '127.0.0.1:1/a'],
    ['tag', 'kept:1', 'kept:2'],
    ['rmi', 'kept:1'],
    ['serve', '--listen', '127.0.0.1:0'],
  ]) {
    await home.refuses(line, newer);
  }
  const again = new DatabaseSync(file);
  again.exec(`PRAGMA user_version = ${version}`);
  again.close();
  await home.intact();
});

test('a store whose database is none says so, and what to do, which helps', async (t) => {
  const home = await homeWithImage(t);
  for (const suffix of ['-wal', '-shm']) rmSync(join(home.store, 'bay', `store.sqlite${suffix}`), { force: true });
  writeFileSync(join(home.store, 'bay', 'store.sqlite'), 'no database at all, but a text of some length'.repeat(100));
  const damaged = { says: /^Error: cannot use the store .*: its database is damaged/m, hint: /Move .*store\.sqlite away/ };
  await home.refuses(['images'], damaged);
  await home.refuses(['tag', 'kept:1', 'kept:2'], damaged);
  renameSync(join(home.store, 'bay', 'store.sqlite'), join(home.folder, 'damaged'));
  assert.match(await home.succeeds(['images', '--format', '{{.Repository}}:{{.Tag}}']), /^kept:1$/m);
  await home.intact();
});

test('a home that is a file, and a settings file that is none', async (t) => {
  const home = await homeWithImage(t);
  const file = join(home.folder, 'file');
  writeFileSync(file, '');
  await home.refuses(['images'], { says: /^Error: .* not a directory$/m }, { env: { BAY_HOME: file } });
  writeFileSync(join(home.home, 'config.json'), '{"store": ');
  await home.refuses(['images'], { says: /^Error: .*config\.json/m, hint: /./ });
  rmSync(join(home.home, 'config.json'));
  await home.intact();
});

/** Runs `bay` as a user who is not the one who made the store. */
async function asNobody(t: TestContext): Promise<((args: readonly string[], home: string) => ReturnType<typeof runProgram>) | undefined> {
  const run = (args: readonly string[], home: string) =>
    runProgram('setpriv', [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', process.execPath, bayFile, ...args], {
      env: { BAY_HOME: home, HOME: '/nonexistent', NO_COLOR: '1', NODE_TEST_CONTEXT: undefined },
    });
  const probe = await run(['--version'], '/nonexistent');
  if (probe.code === 0) return run;
  t.skip('another user cannot read the program here');
  return undefined;
}

test('another user’s store is refused with the reason', { skip: isRoot ? setpriv.skip : 'only root can be two users' }, async (t) => {
  const run = await asNobody(t);
  if (!run) return;
  const home = await homeWithImage(t);
  chmodSync(home.folder, 0o755);
  chmodSync(home.home, 0o755);
  for (const line of [['images'], ['tag', 'kept:1', 'kept:2'], ['rmi', '-f', 'kept:1']]) {
    const { code, stdout, stderr } = await run(line, home.home);
    assert.equal(code, 1, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /^Error: .*(another user|belongs to|permission)/m);
    assert.doesNotMatch(stderr, /^ {4}at /m);
  }
  // And the other way round: root does not make files of its own in a user's store.
  chownSync(home.store, nobody, nobody);
  const { code, stderr } = await bay(['images'], { home: home.home });
  assert.equal(code, 1);
  assert.match(stderr, /^Error: .*(another user|belongs to)/m);
  chownSync(home.store, 0, 0);
  await home.intact();
});

test(
  'a store that may only be read: reading and sending work, writing is refused, nothing changes',
  { skip: isRoot ? setpriv.skip : false },
  async (t) => {
    const run = isRoot ? await asNobody(t) : (args: readonly string[], home: string) => bay(args, { home });
    if (!run) return;
    const home = await homeWithImage(t);
    chmodSync(home.folder, 0o755);
    const everything = await sh.run(['-c', 'find "$0"', home.home]);
    const paths = everything.stdout.trim().split('\n');
    if (isRoot) for (const path of paths) chownSync(path, nobody, nobody);
    await sh.run(['-c', 'chmod -R a-w "$0"', home.home]);
    const tag = await run(['tag', 'kept:1', 'kept:2'], home.home);
    const volume = await run(['volume', 'create', 'data'], home.home);
    for (const refused of [tag, volume]) {
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /^Error: cannot write the store .*: it is read-only\nHint: /m);
    }
    const out = join(home.folder, 'out');
    mkdirSync(out);
    if (isRoot) chownSync(out, nobody, nobody);
    for (const words of [
      ['images', '-q'],
      ['save', '-o', join(out, 'kept.tar'), 'kept:1'],
      ['copy', 'kept:1', `oci:${join(out, 'kept')}`],
    ]) {
      const done = await run(words, home.home);
      assert.equal(done.code, 0, `bay ${words.join(' ')}\n${done.stderr}`);
    }
    await sh.run(['-c', 'chmod -R u+w "$0"', home.home]);
    if (isRoot) await sh.run(['-c', 'chown -R 0:0 "$0"', home.home]);
    await home.intact();
  },
);

test('what a process that was killed in the middle of a write has left behind stops nobody', async (t) => {
  const home = await homeWithImage(t);
  for (let run = 0; run < 4; run++) {
    const child = spawnBay(['import', '-', 'killed:1'], { home: home.home });
    const ended = once(child, 'close') as Promise<[number | null, string | null]>;
    child.stdout?.resume();
    child.stdin?.on('error', () => {});
    const tar = await tarOf({ large: noise(4_000_000, run + 1) });
    child.stdin?.write(tar.subarray(0, 3_000_000));
    await wait(250 + run * 60);
    child.kill('SIGKILL');
    const [, signal] = await ended;
    assert.equal(signal, 'SIGKILL');
    const started = performance.now();
    await home.succeeds(['tag', 'kept:1', 'kept:2']);
    await home.succeeds(['rmi', 'kept:2']);
    assert.ok(performance.now() - started < 5000, 'nobody waits for a lock of the dead');
    await home.intact();
  }
});

test(
  'output that its file cannot take is an error, whether it was a line or an archive',
  { skip: !existsSync('/dev/full') && 'only where /dev/full is' },
  async (t) => {
    const home = await homeWithImage(t);
    for (const words of ['images', 'inspect kept:1', 'save kept:1', 'images --json', 'Get-ContainerImage']) {
      const { code, stderr } = await runProgram('sh', ['-c', `exec "$0" "$@" >/dev/full`, process.execPath, bayFile, ...words.split(' ')], {
        env: { BAY_HOME: home.home, NODE_TEST_CONTEXT: undefined },
      });
      assert.equal(code, 1, `bay ${words}\n${stderr}`);
      assert.match(stderr, /^(?:Error|Get-ContainerImage ): cannot write the output: no space left on the disk$/m, words);
      assert.doesNotMatch(stderr, /^ {4}at /m, words);
    }
    await home.intact();
    await using store = await ImageStore.open(home.store);
    const { target } = await store.find('kept:1');
    assert.deepEqual(
      (await store.holders(target.digest)).filter(({ kind }) => kind === 'lease'),
      [],
      'a prune need not wait for it',
    );
  },
);

test('a write lock that a killed process held is free', async (t) => {
  const home = await homeWithImage(t);
  const file = join(home.store, 'bay', 'store.sqlite');
  const script = `const { DatabaseSync } = require('node:sqlite'); new DatabaseSync(${JSON.stringify(file)}).exec('BEGIN IMMEDIATE; UPDATE state SET change = change + 100'); console.log('locked'); setInterval(() => {}, 1000);`;
  const child = spawnProgram(process.execPath, ['-e', script], { env: { NODE_TEST_CONTEXT: undefined } });
  const ended = once(child, 'close');
  assert.ok(child.stdout);
  await once(child.stdout, 'data');
  const waiting = bay(['tag', 'kept:1', 'kept:2'], { home: home.home });
  await wait(600);
  child.kill('SIGKILL');
  await ended;
  const { code, stderr } = await waiting;
  assert.equal(code, 0, stderr);
  await home.succeeds(['rmi', 'kept:2']);
  await home.intact();
});

test(
  'serve ends on SIGTERM and on Ctrl-C with the signal’s code, and frees its port',
  { skip: process.platform === 'win32' && 'no such signals there' },
  async (t) => {
    const home = await homeWithImage(t);
    for (const [signal, expected] of [
      ['SIGTERM', [0, 143]],
      ['SIGINT', [0, 130]],
    ] as const) {
      const child = spawnBay(['serve', '--listen', '127.0.0.1:0'], { home: home.home });
      let said = '';
      child.stdout?.on('data', (part: Buffer) => (said += part.toString()));
      const ended = once(child, 'close') as Promise<[number | null, string | null]>;
      while (!said.includes('Ctrl-C')) await wait(20);
      const host = /http:\/\/(\S+)/.exec(said)?.[1] ?? '';
      assert.equal((await fetch(`http://${host}/v2/`)).status, 200);
      await home.refuses(['serve', '--listen', host], { says: /^Error: .*something else listens there/m });
      const started = performance.now();
      child.kill(signal);
      const [code] = await ended;
      assert.ok(expected.includes(code as never), `${signal}: exit code ${code}`);
      assert.ok(performance.now() - started < 5000);
      assert.match(said, /Stopped\.\n$/);
      await assert.rejects(fetch(`http://${host}/v2/`));
      await home.intact();
    }
  },
);

test('a reader that goes away early is no error', { skip: process.platform === 'win32' && 'no sh there' }, async (t) => {
  const home = await homeWithImage(t);
  const typed = (line: string) =>
    sh.try(['-c', line, process.execPath, bayFile], { env: { BAY_HOME: home.home, NO_COLOR: '1', NODE_TEST_CONTEXT: undefined } });
  for (const line of [
    '"$0" "$1" images | head -0',
    '"$0" "$1" images | true',
    '"$0" "$1" help | head -1',
    '"$0" "$1" save kept:1 | head -c 1',
    '"$0" "$1" inspect kept:1 | head -1',
    '"$0" "$1" images >&-',
  ]) {
    const { stderr } = await typed(line);
    assert.equal(stderr, '', line);
  }
  await home.intact();
});
