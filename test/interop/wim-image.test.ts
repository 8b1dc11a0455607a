/** WIM files become images and images WIM files: wimlib makes and reads the ones, umoci and skopeo the others. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { Containers } from '../../src/containers/containers.ts';
import { Image } from '../../src/content/image.ts';
import { isImageError } from '../../src/errors.ts';
import type { NewWimEntry, NewWimImage } from '../../src/formats/wim/new-wim.ts';
import { reparseTags } from '../../src/formats/wim/wim-reparse.ts';
import { Wim } from '../../src/formats/wim/wim.ts';
import { writeWim } from '../../src/formats/wim/write-wim.ts';
import { once } from '../../src/io/once.ts';
import { familiar, parseReference } from '../../src/model/reference.ts';
import { append } from '../../src/operations/append.ts';
import { importImage } from '../../src/operations/import-image.ts';
import { installWim } from '../../src/operations/install-wim.ts';
import { saveWim } from '../../src/operations/save-wim.ts';
import { bay } from '../support/bay.ts';
import { openStore } from '../support/open-store.ts';
import { tarOfFiles } from '../support/base-image.ts';
import { makeWim } from '../support/make-wim.ts';
import { peer, skipWithout } from '../support/peers.ts';
import { runProgram } from '../support/program.ts';
import { temporary } from '../support/temporary.ts';
import { treeLines } from '../support/tree-lines.ts';
import { someTime } from '../support/wim-trees.ts';

const wimlib = peer('wimlib-imagex');
const umoci = peer('umoci');
const skopeo = peer('skopeo');
const sevenZip = peer('7zz');
const isRoot = process.getuid?.() === 0;

async function hostOf(t: TestContext) {
  const store = await openStore(t);
  return { store, containers: new Containers(store), now: () => new Date('2024-05-06T07:08:09Z') };
}

function makeTree(folder: string): void {
  const file = (name: string, text: string, mode = 0o644) => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), mode);
  };
  mkdirSync(join(folder, 'bin'), { recursive: true });
  mkdirSync(join(folder, 'empty'), { mode: 0o700 });
  mkdirSync(join(folder, 'deep/er/est'), { recursive: true });
  file('bin/program', `\x7fELF${'x'.repeat(70_000)}`, 0o4755);
  file('bin/empty', '');
  file('copy', 'twice');
  file('copy 2', 'twice');
  file('漢字 é 😀', 'named');
  file('a:b\\c', 'odd on Windows', 0o640);
  linkSync(join(folder, 'bin/program'), join(folder, 'deep/er/est/other name'));
  symlinkSync('bin/program', join(folder, 'relative'));
  symlinkSync('/deep/er', join(folder, 'absolute'));
  symlinkSync('deep', join(folder, 'to a folder'));
  symlinkSync('../nowhere', join(folder, 'dangling'));
  if (isRoot) chownSync(join(folder, 'copy'), 1234, 5678);
  for (const name of ['bin/program', 'bin/empty', 'copy', 'copy 2', 'a:b\\c', 'bin', 'empty', 'deep/er/est', 'deep/er', 'deep', '.'])
    utimesSync(join(folder, name), 1_600_000_000, 1_500_000_000 + name.length);
}

async function apply(wim: string, folder: string): Promise<string[]> {
  await wimlib.run(['apply', wim, '1', folder, '--unix-data']);
  return treeLines(folder);
}

/** What wimlib says of every entry, but for where the file keeps it. */
async function detailed(wim: string, index = 1): Promise<string> {
  const { stdout } = await wimlib.run(['dir', wim, String(index), '--detailed']);
  return stdout.replaceAll(/^(?:Offset in WIM|Compressed size|Link Group ID|Solid resource.*|Flags) .*\n/gm, '');
}

test(
  'a Linux tree that wimlib captured, however it is packed, is one layer; saved again it is the same tree',
  { skip: wimlib.skip },
  async (t) => {
    const place = temporary(t, 'wim-image');
    const [tree, wim, back] = ['tree', 'tree.wim', 'back.wim'].map((name) => join(place, name)) as [string, string, string];
    makeTree(tree);
    if (isRoot) await runProgram('mknod', [join(tree, 'null'), 'c', '1', '3']);
    await runProgram('mkfifo', [join(tree, 'fifo')]);
    await wimlib.run(['capture', tree, wim, 'Tools', '--unix-data', '--norpfix', '--compress=lzx']);
    const expected = treeLines(tree);
    const digests = new Set<string>();
    for (const packing of ['none', 'xpress', 'lzx', 'lzms', 'solid']) {
      const packed = join(place, `${packing}.wim`);
      await wimlib.run(['export', wim, '1', packed, ...(packing === 'solid' ? ['--solid'] : [`--compress=${packing}`])]);
      const host = await hostOf(t);
      const installed = await installWim(host, packed, { version: '1.2' });
      digests.add(installed.diffId);
      assert.equal(familiar(installed.reference), 'tools:1.2.0.0');
      assert.deepEqual(installed.losses, []);
      if (packing !== 'lzx') continue;
      await saveWim(host, 'tools:1.2.0.0', back);
      await wimlib.run(['verify', back]);
      assert.deepEqual(await apply(back, join(place, 'applied')), expected);
      assert.equal(await detailed(back), await detailed(wim));
      const again = await installWim(host, back);
      assert.deepEqual([again.changed, again.diffId, again.root.digest], [false, installed.diffId, installed.root.digest]);
    }
    assert.equal(digests.size, 1);
  },
);

test('an image of several layers is saved as what it shows, and every program can read it', { skip: wimlib.skip }, async (t) => {
  const place = temporary(t, 'wim-image');
  const host = await hostOf(t);
  const layer = async (files: Parameters<typeof tarOfFiles>[0]) => once(await tarOfFiles(files));
  const lowest = {
    'etc/': '',
    'etc/gone': 'x',
    'etc/kept': 'kept\n',
    'etc/changed': 'old',
    'opt/': '',
    'opt/hidden': 'x',
    'usr/': '',
    'usr/one': { path: '', mode: 0o755, uid: 3, gid: 4 },
    'usr/two': { path: '', type: 'hard-link', linkname: 'usr/one' },
    'usr/three': { path: '', type: 'hard-link', linkname: 'usr/one' },
    link: { path: '', type: 'symlink', linkname: 'usr' },
  } as const;
  await importImage(host, await layer(lowest), {
    reference: parseReference('layered:1'),
    platform: { os: 'linux', architecture: 'arm64' },
  });
  const second = { 'etc/.wh.gone': '', 'etc/changed': 'new', 'opt/': '', 'opt/.wh..wh..opq': '', 'opt/shown': 's', 'usr/.wh.two': '' };
  await append(host, 'layered:1', await layer(second), { reference: parseReference('layered:2'), changes: ['ENV A=b', 'CMD ["sh"]'] });
  const wim = join(place, 'layered.wim');
  const saved = await saveWim(host, 'layered:2', wim);
  assert.deepEqual([saved.images, saved.name], [1, 'layered']);
  const lines = await apply(wim, join(place, 'applied'));
  const shown = lines.map((line) => line.replace(/ (\d+) (\d+:\d+) \d* .*?( = .*)?$/, ' $1 $2$3'));
  assert.deepEqual(shown.slice(1), [
    'etc 40755 0:0',
    'etc/changed 100644 0:0',
    'etc/kept 100644 0:0',
    'link 120777 0:0',
    'opt 40755 0:0',
    'opt/shown 100644 0:0',
    'usr 40755 0:0',
    ...(isRoot ? ['usr/one 100755 3:4', 'usr/three 100755 3:4 = usr/one'] : ['usr/one 100755 0:0', 'usr/three 100755 0:0 = usr/one']),
  ]);
  assert.equal(readFileSync(join(place, 'applied', 'etc', 'changed'), 'utf8'), 'new');
  if (!sevenZip.skip) await sevenZip.run(['t', wim]);

  const first = readFileSync(wim);
  await saveWim(host, 'layered:2', wim, { overwrite: true });
  assert.ok(first.equals(readFileSync(wim)), 'the same image is the same file');
  await assert.rejects(saveWim(host, 'layered:2', wim), (error) => isImageError(error, 'conflict'));

  const installed = await installWim(await hostOf(t), wim);
  assert.equal(familiar(installed.reference), 'layered:2.0.0.0');
  const other = await hostOf(t);
  const { root } = await installWim(other, wim, { version: '3' });
  const { config } = await Image.open(other.store, root);
  assert.deepEqual([config?.platform?.architecture, config?.config.Env, config?.config.Cmd], ['arm64', ['A=b'], ['sh']]);
  assert.equal(config?.diffIds.length, 1);
  assert.equal(config?.history.filter(({ empty_layer }) => !empty_layer).length, 1);
  assert.equal(config?.history.length, 2);
});

const times = { created: someTime, accessed: someTime + 1n, written: someTime + 2n };
const folder = (name: string, children: readonly NewWimEntry[], more: Partial<NewWimEntry> = {}): NewWimEntry => ({
  name,
  attributes: 0x10,
  ...times,
  children,
  ...more,
});
const file = (name: string, text: string, more: Partial<NewWimEntry> = {}): NewWimEntry => ({
  name,
  attributes: 0x20,
  ...times,
  content: { bytes: Buffer.from(text) },
  ...more,
});
const descriptor = Buffer.from(
  '0100048014000000240000000000000030000000010200000000000520000000200200000102000000000005200000002002000002000800000000000000',
  'hex',
);

function link(name: string, target: string, isJunction: boolean): NewWimEntry {
  const [first, second] = [Buffer.from(`\\??\\${target}\0`, 'utf16le'), Buffer.from(`${target}\0`, 'utf16le')];
  const head = Buffer.alloc(isJunction ? 8 : 12);
  [0, first.length - 2, first.length, second.length - 2].forEach((word, at) => head.writeUInt16LE(word, 2 * at));
  const tag = isJunction ? reparseTags.mountPoint : reparseTags.symlink;
  return {
    name,
    attributes: isJunction ? 0x410 : 0x420,
    ...times,
    reparse: { tag, reserved: 0, flags: 1, data: Buffer.concat([head, first, second]) },
  };
}

/** A drive of Windows with all that NTFS has, and its utility system. */
function windowsImages(): NewWimImage[] {
  const config = folder(
    'config',
    ['DEFAULT', 'SAM', 'SECURITY', 'SOFTWARE', 'SYSTEM'].map((name) => file(name, `regf ${name}`)),
  );
  const system = folder('System32', [
    config,
    file('cmd.exe', 'MZ', { linkId: 1, shortName: 'CMD~1.EXE', descriptor }),
    file('drivers.sys', 'MZ', {
      streams: [{ name: 'Zone.Identifier', content: { bytes: Buffer.from('[ZoneTransfer]') } }],
      attributes: 0x26,
    }),
  ]);
  const root = folder('', [
    folder('Users', [link('All Users', 'C:\\ProgramData', true), folder('Public', [], { shortName: 'PUBLIC~1', unknown54: 7 })], {
      descriptor,
    }),
    folder('Windows', [file('command.exe', 'MZ', { linkId: 1, descriptor }), system, link('x.lnk', 'C:\\Windows\\System32', false)], {
      streams: [{ name: 'folder stream', content: { bytes: Buffer.from('of a folder') } }],
      items: [{ tag: 1, data: Buffer.alloc(16, 9) }],
    }),
  ]);
  const windows = {
    architecture: 9,
    productName: 'Microsoft® Windows® Operating System',
    editionId: 'ServerDatacenterNano',
    installationType: 'Nano Server',
    languages: ['en-US'],
    defaultLanguage: 'en-US',
    version: { major: 10, minor: 0, build: 10586, spBuild: 0 },
    systemRoot: undefined,
  };
  const created = new Date('2015-10-30T07:00:00Z');
  return [
    { name: 'NanoServer', description: 'Nano Server', flags: 'ServerNano', created, windows, root },
    {
      name: 'UtilityVM',
      created,
      windows,
      root: folder('', [folder('EFI', [file('BCD', 'boot')]), folder('Windows', [])], { written: 5n }),
    },
  ];
}

test('a Windows base image with its utility system is installed with what its WIM says, and saved as the same WIM', async (t) => {
  const place = temporary(t, 'wim-image');
  const [wim, back] = [join(place, 'NanoServer.wim'), join(place, 'back.wim')];
  await writeWim(wim, windowsImages());
  const host = await hostOf(t);
  const installed = await installWim(host, wim);
  const { name, publisher, version, publisherSource, changed } = installed;
  assert.deepEqual([name, publisher, version, publisherSource, changed], ['NanoServer', 'CN=Microsoft', '10.0.10586.0', 'windows', true]);
  assert.equal(familiar(installed.reference), 'nanoserver:10.0.10586.0');
  // Fixed: another digest would be another image on every machine that has this one.
  assert.equal(installed.diffId, 'sha256:686cfd83178d6922c6d184cc3fecfe3b7531f43ba235115e39a5b5161000c965');
  const { config, manifest } = await Image.open(host.store, installed.root);
  assert.deepEqual(config?.platform, { os: 'windows', architecture: 'amd64', 'os.version': '10.0.10586.0' });
  assert.deepEqual(config?.history, [{ created: '2015-10-30T07:00:00.000Z', created_by: 'Apply image 10.0.10586.0' }]);
  assert.equal(config?.created, '2015-10-30T07:00:00.000Z');
  assert.deepEqual(config?.config.Labels, {
    'org.opencontainers.image.title': 'NanoServer',
    'org.opencontainers.image.vendor': 'CN=Microsoft',
    'org.opencontainers.image.version': '10.0.10586.0',
  });
  assert.equal(manifest.annotations?.['bayplan.publisher.source'], 'windows');

  const saved = await saveWim(host, 'nanoserver:10.0.10586.0', back);
  assert.equal(saved.images, 2);
  await using first = await Wim.open([wim]);
  await using second = await Wim.open([back]);
  for (const [at, image] of first.images.entries()) {
    const other = second.images[at]!;
    assert.deepEqual(
      [other.name, other.description, other.flags, other.created, other.windows],
      [image.name, image.description, image.flags, image.created, image.windows],
    );
  }
  assert.equal(second.images[0]?.containerImage?.publisher, 'CN=Microsoft');
  assert.equal(second.images[0]?.containerImage?.diffId, installed.diffId);
  if (!wimlib.skip) for (const index of [1, 2]) assert.equal(await detailed(back, index), await detailed(wim, index));

  const again = await installWim(host, back);
  // The element of ours says who it is from.
  assert.deepEqual([again.changed, again.root.digest, again.publisherSource], [false, installed.root.digest, 'wim']);
  const elsewhere = await installWim(await hostOf(t), back, { compression: 'zstd' });
  assert.equal(elsewhere.diffId, installed.diffId);
});

test('other programs read such an image', { skip: skipWithout(skopeo, umoci) }, async (t) => {
  const place = temporary(t, 'wim-image');
  const wim = join(place, 'NanoServer.wim');
  await writeWim(wim, windowsImages());
  const host = await hostOf(t);
  await installWim(host, wim);
  await host.store.flush();
  await skopeo.run([
    'copy',
    '--override-os',
    'windows',
    '--override-arch',
    'amd64',
    `oci:${host.store.path}:nanoserver:10.0.10586.0`,
    `oci:${place}/copy:nano`,
  ]);
  // Its `unpack` makes a bundle, and there are none of Windows.
  await umoci.run(['raw', 'unpack', ...(isRoot ? [] : ['--rootless']), '--image', `${place}/copy:nano`, `${place}/rootfs`]);
  const files = join(place, 'rootfs', 'Files');
  assert.equal(readFileSync(join(files, 'Windows/System32/config/SAM'), 'utf8'), 'regf SAM');
  assert.equal(readlinkSync(join(files, 'Users/All Users')), 'C:/ProgramData');
  assert.equal(statSync(join(files, 'Windows/command.exe')).ino, statSync(join(files, 'Windows/System32/cmd.exe')).ino);
  assert.equal(readFileSync(join(place, 'rootfs', 'Hives', 'Sam_Base'), 'utf8'), 'regf SAM');
});

test('a WIM of another number of images is refused, unless one of them is chosen', async (t) => {
  const place = temporary(t, 'wim-image');
  const wim = join(place, 'three.wim');
  await writeWim(wim, [...windowsImages(), { name: 'third', created: new Date(0), root: folder('', [folder('Windows', [])]) }]);
  const host = await hostOf(t);
  await assert.rejects(installWim(host, wim), { message: `'${wim}' contains an unexpected number of images (3).` });
  await assert.rejects(installWim(host, wim, { index: 4 }), { message: `'${wim}' does not contain an image with index 4.` });
  assert.deepEqual(await host.store.images(), []);
  const { name, version } = await installWim(host, wim, { index: 3 });
  assert.deepEqual([name, version], ['third', '']);
});

test('what would be lost is asked first, and nothing is written where it is not accepted', async (t) => {
  const place = temporary(t, 'wim-image');
  const wim = join(place, 'odd.wim');
  const point = { tag: 0x8000_001b, reserved: 0, flags: 0, data: Buffer.from('an app') };
  const root = folder('', [folder('Windows', [{ name: 'app.exe', attributes: 0x420, ...times, reparse: point }])]);
  await writeWim(wim, [{ name: 'Odd', created: new Date(0), windows: { architecture: 9 }, root }]);
  const host = await hostOf(t);
  await assert.rejects(
    installWim(host, wim),
    (error) => isImageError(error, 'conflict') && error.message.includes('Files/Windows/app.exe'),
  );
  assert.deepEqual(await host.store.images(), []);
  const asked: string[] = [];
  const installed = await installWim(host, wim, {
    accept: (losses) => {
      asked.push(...losses.map(({ kind }) => kind));
      return true;
    },
  });
  assert.deepEqual(asked, ['reparse-points']);
  assert.deepEqual(
    installed.losses.map(({ kind, count }) => [kind, count]),
    [['reparse-points', 1]],
  );
  const back = join(place, 'back.wim');
  await saveWim(host, familiar(installed.reference), back);
  await using read = await Wim.open([back]);
  const node = (await read.tree(1)).find('Windows/app.exe');
  assert.deepEqual([node?.attributes, node?.reparse?.tag], [0x420, 0x8000_001b]);
});

test('names that no layer can hold are refused with their paths, and encrypted files too', async (t) => {
  const place = temporary(t, 'wim-image');
  const host = await hostOf(t);
  const refused = async (children: readonly NewWimEntry[], message: RegExp) => {
    const wim = join(place, 'refused.wim');
    await writeWim(wim, [{ name: 'Refused', created: new Date(0), windows: {}, root: folder('', children) }], { overwrite: true });
    await assert.rejects(
      installWim(host, wim, { accept: true }),
      (error) => isImageError(error, 'invalid-content') && message.test(error.message),
    );
  };
  await refused([file('a', ''), file('A', '')], /"Files\/a" is one name on Windows with another/);
  await refused([file('half \ud800', 'x')], /half of a surrogate pair/);
  await refused([file('.wh.x', 'x')], /would mean in a layer that something was removed/);
  await refused([file('dot.', 'x'), file('what?', 'x')], /"dot\." is no name on Windows; .*"what\?" is no name/);
  await refused([file('secret', 'x', { attributes: 0x4020 })], /is encrypted by Windows/);
  assert.deepEqual(await host.store.images(), []);
});

test('a publisher goes by the WIM, then by who installs it; another publisher of the same name is told apart', async (t) => {
  const place = temporary(t, 'wim-image');
  const host = await hostOf(t);
  const make = async (name: string, options: Parameters<typeof makeWim>[1]) => {
    const path = join(place, name);
    await makeWim(path, options);
    return path;
  };
  const one = await make('one.wim', { name: 'Tool', version: '1.0.0.0', publisher: 'CN=Demo' });
  const said = await installWim(host, one, { publisher: 'Somebody', publisherSource: 'catalogue' });
  assert.deepEqual([said.publisher, said.publisherSource, familiar(said.reference)], ['CN=Demo', 'wim', 'tool:1.0.0.0']);
  const two = await make('two.wim', { name: 'Tool', version: '2.0.0.0' });
  const given = await installWim(host, two, { publisher: 'Somebody', publisherSource: 'catalogue' });
  assert.deepEqual(
    [given.publisher, given.publisherSource, familiar(given.reference)],
    ['CN=Somebody', 'catalogue', 'somebody/tool:2.0.0.0'],
  );
  assert.equal((await host.store.traits()).get(given.root.digest)?.identity?.source, 'catalogue');
});

test('what is damaged, changed or canceled on the way leaves nothing', async (t) => {
  const place = temporary(t, 'wim-image');
  const wim = join(place, 'large.wim');
  const noise = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (Math.imul(i, 2_654_435_761) >>> 13) & 0xff));
  const files = Array.from({ length: 16 }, (_, i) => ({
    ...file(`${i}`, ''),
    content: { bytes: Buffer.concat([Buffer.from(`${i}`), noise.subarray(i)]) },
  }));
  await writeWim(wim, [{ name: 'Large', created: new Date(0), windows: {}, root: folder('', [folder('Windows', files)]) }], {
    compression: 'none',
  });
  const host = await hostOf(t);
  const controller = new AbortController();
  const canceled = installWim(host, wim, {
    signal: controller.signal,
    onExpanding: ({ done, total }) => done > total / 4 && controller.abort(),
  });
  await assert.rejects(canceled, (error) => isImageError(error, 'canceled'));
  const bytes = readFileSync(wim);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(wim, bytes);
  await assert.rejects(
    installWim(host, wim),
    (error) => isImageError(error, 'digest-mismatch', 'invalid-content') && error.message.includes(wim),
  );
  assert.deepEqual(await host.store.images(), []);
  assert.deepEqual(await host.store.check(), []);
});

test('the parts of a split WIM are one image, and a delta WIM is one with its base', { skip: wimlib.skip }, async (t) => {
  const place = temporary(t, 'wim-image');
  const tree = join(place, 'tree');
  makeTree(tree);
  const noise = Buffer.from(Array.from({ length: 200_000 }, (_, i) => Math.imul(i, i) % 251));
  for (const part of ['one', 'two', 'three']) writeFileSync(join(tree, part), Buffer.concat([Buffer.from(part), noise]));
  // Reading the files once sets the times of access that both captures then find.
  for (const line of treeLines(tree)) assert.ok(line);
  const [whole, delta] = [join(place, 'whole.wim'), join(place, 'delta.wim')];
  await wimlib.run(['capture', tree, whole, 'Tools', '--unix-data', '--norpfix', '--compress=none']);
  const { diffId } = await installWim(await hostOf(t), whole);
  await wimlib.run(['split', whole, join(place, 'part.swm'), '0.2']);
  const parts = readdirSync(place).filter((name) => name.startsWith('part'));
  assert.ok(parts.length > 1);
  assert.equal(
    (
      await installWim(
        await hostOf(t),
        parts.map((name) => join(place, name)),
      )
    ).diffId,
    diffId,
  );
  await assert.rejects(installWim(await hostOf(t), join(place, parts[0]!)), (error) => isImageError(error, 'incomplete'));
  await wimlib.run(['capture', tree, delta, 'Tools', '--unix-data', '--norpfix', `--delta-from=${whole}`]);
  assert.equal((await installWim(await hostOf(t), delta, { base: [whole] })).diffId, diffId);
  await assert.rejects(
    installWim(await hostOf(t), delta),
    (error) => isImageError(error, 'incomplete') && /in none of the files/.test(error.message),
  );
  const typed = async (first: string, ...others: readonly string[]) =>
    await bay(['install', first, ...others.flatMap((file) => ['--ref', file]), '--version=1.0.0.0', '--json'], {
      home: join(place, 'home'),
      cwd: place,
    });
  for (const files of [parts, ['delta.wim', 'whole.wim']] as [string, ...string[]][]) {
    const { code, stdout, stderr } = await typed(...files);
    assert.deepEqual([code, (JSON.parse(stdout || '{}') as { reference?: string }).reference], [0, 'tools:1.0.0.0'], stderr);
  }
  assert.match((await typed('delta.wim')).stderr, /bay install FILE --ref FILE/);
  assert.match((await typed('Tools', 'whole.wim')).stderr, /--ref are for \.wim files/);
});
