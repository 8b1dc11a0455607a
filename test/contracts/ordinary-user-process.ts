/** All that is done with containers, in a store of this process's user: node ordinary-user-process.ts FOLDER UMASK. Prints the modes of two volumes and what the new layer has, a line for each. */
import { readdirSync, statSync, writeSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

import { Containers } from '../../src/containers/containers.ts';
import { Image } from '../../src/content/image.ts';
import { readTar } from '../../src/formats/tar/read-tar.ts';
import { once } from '../../src/io/once.ts';
import { parseReference } from '../../src/model/reference.ts';
import { commit } from '../../src/operations/commit.ts';
import { containerChanges } from '../../src/operations/container-changes.ts';
import { copyFromContainer } from '../../src/operations/copy-from-container.ts';
import { copyIntoContainer } from '../../src/operations/copy-into-container.ts';
import { createContainer } from '../../src/operations/create-container.ts';
import { createVolume } from '../../src/operations/create-volume.ts';
import { exportContainer } from '../../src/operations/export-container.ts';
import { removeContainer } from '../../src/operations/remove-container.ts';
import { removeVolume } from '../../src/operations/remove-volume.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { makeBase, tarOfFiles } from '../support/base-image.ts';
import { bytesOf } from '../support/make-image.ts';

process.umask(Number.parseInt(process.argv[3] ?? '', 8));
await using store = await ImageStore.open(process.argv[2] ?? '');
const host = { store, containers: new Containers(store), now: () => new Date(1_700_000_000_000) };
await makeBase(store);
await createContainer(host, { Image: 'base:1', Volumes: { '/data': {} } }, { name: 'one' });
const files = {
  owned: { path: '', uid: 1234, gid: 5678, mode: 0o4755 },
  device: { path: '', type: 'character-device', devmajor: 1, devminor: 3, mode: 0o666 },
  'closed/': { path: '', type: 'directory', mode: 0 },
  'closed/file': { path: '', mode: 0 },
  labelled: { path: '', pax: new Map([['SCHILY.xattr.security.capability', '\u0001']]) },
} as const;
await copyIntoContainer(host, 'one', '/etc', once(await tarOfFiles(files)));
await copyIntoContainer(host, 'one', '/data', once(await tarOfFiles({ more: 'more' })));
await containerChanges(host, 'one');
for (const { tar } of [await copyFromContainer(host, 'one', '/data'), { tar: await exportContainer(host, 'one') }])
  for await (const _ of tar);
const root = await commit(host, 'one', { reference: parseReference('two:1') });
await removeContainer(host, 'one', { volumes: true });
// A volume that nothing goes into, and one that takes the place of an empty one, with a folder that its owner may not write.
await createVolume(host, { name: 'empty' });
await createVolume(host, { name: 'filled' });
await makeBase(store, {
  name: 'closed:1',
  files: { 'closed/': { path: '', type: 'directory', mode: 0o555 }, 'closed/file': { path: '', mode: 0 } },
});
await createContainer(
  host,
  { Image: 'closed:1', Cmd: ['sh'], HostConfig: { Binds: ['filled:/closed', 'empty:/nothing'] } },
  { name: 'two' },
);
for (const name of ['empty', 'filled']) {
  const { mountpoint } = await store.volume(name);
  writeSync(1, `${name} ${(statSync(mountpoint).mode & 0o7777).toString(8)} ${readdirSync(mountpoint).join()}\n`);
}
await removeContainer(host, 'two');
for (const name of ['empty', 'filled']) await removeVolume(host, name);
const layer = (await Image.open(store, root)).layers.at(-1)?.descriptor;
if (!layer) throw new Error('no layer');
for await (const { entry } of readTar(once(gunzipSync(await bytesOf(await store.open(layer))))))
  writeSync(
    1,
    `${entry.path} ${entry.type} ${(entry.mode & 0o7777).toString(8)} ${entry.uid}:${entry.gid} ${entry.devmajor},${entry.devminor} ${[...entry.pax.keys()].filter((key) => key.startsWith('SCHILY')).join()}\n`,
  );
