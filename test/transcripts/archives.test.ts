/** Save, load and import as typed. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { peer } from '../support/peers.ts';
import { tarOf } from '../support/make-image.ts';
import { Console, skipWithoutShell } from './console.ts';
import { ago, makeImages, makeIndexOf } from './made-images.ts';

const skip = skipWithoutShell;
const script = peer('script');
const debian = { platform: 'linux/amd64', age: ago.twoWeeks, size: 20_000 };

test('save and load, with names and without', { skip }, async (t) => {
  const console = new Console(t);
  const [id = ''] = await makeImages(console.home, [
    { ...debian, name: 'debian:amd64', also: ['debian:latest'] },
    { ...debian, name: 'debian:arm64', platform: 'linux/arm64' },
    { name: 'me/app:1', base: 'debian:amd64', age: ago.twoDays, size: 1000, createdBy: 'COPY app /srv' },
  ]);
  await makeIndexOf(console.home, ['debian:amd64', 'debian:arm64'], 'debian:12');
  await console.type('bay save -o app.tar me/app:1 debian');
  await console.type(`bay save ${id} > unnamed.tar`);
  await console.type('bay save debian:12 | gzip > index.tar.gz');
  await console.type('bay save --platform linux/arm64 -o arm64.tar debian:12');
  await console.type('bay save -o nosuch.tar me/app:1 nosuch');
  await console.type('ls');
  await console.type('bay image prune -a -f >/dev/null');
  await console.type('bay images');
  await console.type('bay load -i app.tar');
  await console.type('bay load < unnamed.tar');
  await console.type('bay load --platform linux/amd64 < index.tar.gz');
  await console.type('bay load -q -i arm64.tar');
  await console.type('bay load --platform linux/s390x -i index.tar.gz');
  await console.type('bay images');
  await console.type('bay load -i nosuch.tar');
  await console.type('bay load </dev/null');
  await console.type('echo no archive at all | bay load');
  console.matches('save-load.txt');
});

test('save to a terminal and load from one are refused', { skip: skip || script.skip }, async (t) => {
  const console = new Console(t);
  await makeImages(console.home, [{ ...debian, name: 'debian:12' }]);
  for (const line of ['bay save debian:12', 'bay load', 'bay copy debian:12 oci-archive:-']) {
    const { stdout } = await console.run(`script -qec '${line}' /dev/null`);
    assert.match(
      stdout,
      line === 'bay load' ? /^requested load from stdin, but stdin is empty\r\n$/ : /^cowardly refusing to save to a terminal\./,
    );
    assert.equal((await console.run(`script -qec '${line}' /dev/null >/dev/null`)).code, 1);
  }
});

test('import of a root file system', { skip }, async (t) => {
  const console = new Console(t);
  writeFileSync(join(console.folder, 'rootfs.tar'), await tarOf({ 'etc/os-release': 'ID=test\n', 'bin/sh': '#!' }));
  await console.type(`bay import -m 'From a tar' -c 'CMD ["sh"]' -c 'ENV A=1 B=2' --platform linux/amd64 rootfs.tar me/root:1`);
  await console.type('gzip -n < rootfs.tar | bay import --platform linux/386 - me/root:gz');
  await console.type('bay import --platform windows/amd64 rootfs.tar me/root:2');
  await console.type('bay import --platform linux/arm64 rootfs.tar');
  await console.type("bay history --format '{{.ID}} {{.Comment}} {{.Size}}' me/root:1");
  await console.type(`bay inspect -f '{{json .Config.Env}} {{json .Config.Cmd}} {{.Os}} {{.Comment}}' me/root:1 me/root:gz`);
  await console.type(`bay import -c 'RUN true' rootfs.tar me/root:2`);
  await console.type(`bay import -c 'BOGUS true' rootfs.tar me/root:2`);
  await console.type('bay import nosuch.tar me/root:2');
  await console.type('bay import rootfs.tar Root');
  await console.type('echo hello | bay import - me/root:2');
  await console.type('bay import - me/root:2 </dev/null');
  await console.type("bay images --format '{{.Repository}}:{{.Tag}} {{.ID}}'");
  console.matches('import.txt');
});
