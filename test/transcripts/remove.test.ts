/** Removal as typed: docker's table of what goes, what stays and what is refused. */
import { test } from 'node:test';

import { Console, skipWithoutShell } from './console.ts';
import { ago, makeImages } from './made-images.ts';

const skip = skipWithoutShell;
const debian = { name: 'debian:12', platform: 'linux/amd64', age: ago.twoWeeks, size: 20_000 };

test('rmi: a name of several, the last name, an id', { skip }, async (t) => {
  const console = new Console(t);
  const [id = ''] = await makeImages(console.home, [{ ...debian, also: ['debian:latest', 'debian:bookworm'] }]);
  await console.type('bay rmi --dry-run debian:bookworm');
  await console.type('bay rmi debian:bookworm');
  await console.type('bay rmi debian');
  await console.type('bay images');
  await console.type('bay rmi --dry-run debian:12');
  await console.type('bay rmi debian:12');
  await console.type('bay images');
  const [again = ''] = await makeImages(console.home, [{ ...debian, also: ['debian:latest'] }]);
  await console.type(`bay rmi ${again.slice(7, 19)}`);
  await console.type(`bay rmi ${id.slice(7, 19)}`);
  console.matches('rmi.txt');
});

test('rmi: an id that several repositories name is refused, and nothing changes, until it is forced', { skip }, async (t) => {
  const console = new Console(t);
  const [id = ''] = await makeImages(console.home, [{ ...debian, also: ['me/base:1', 'me/base:2'] }]);
  await console.type(`bay rmi ${id.slice(7, 19)}`);
  await console.type('bay images');
  await console.type(`bay rmi -f ${id.slice(7, 19)}`);
  await console.type('bay images');
  console.matches('rmi-conflict.txt');
});

test('rmi: what is not there fails, but not what else was named, and not with --force', { skip }, async (t) => {
  const console = new Console(t);
  await makeImages(console.home, [debian]);
  await console.type('bay rmi nosuch');
  await console.type('bay rmi -f nosuch');
  await console.type('bay rmi nosuch debian:12');
  await console.type('bay rmi Debian');
  await console.type('bay rmi ""');
  await console.type(`bay rmi sha256:${'a'.repeat(64)}`);
  await console.type('bay images');
  console.matches('rmi-missing.txt');
});

test('image prune: dangling images, and with --all whatever has a name', { skip }, async (t) => {
  const console = new Console(t);
  await makeImages(console.home, [
    { ...debian, size: 30_000 },
    { ...debian, age: ago.twoDays },
    { name: 'me/app:1', base: 'debian:12', age: ago.fiveHours, size: 10_000, changes: ['LABEL keep=yes'] },
  ]);
  await console.type('bay images');
  await console.type('echo n | bay image prune');
  await console.type('bay image prune </dev/null');
  await console.type('bay image prune --dry-run');
  await console.type('echo y | bay image prune');
  await console.type('bay image prune -f');
  await console.type('bay image prune -f --filter reference=debian');
  await console.type('bay image prune --all -f --filter label!=keep=yes --filter until=1h --dry-run');
  await console.type('bay image prune --all -f --filter label!=keep=yes --filter until=1h');
  await console.type('bay images');
  await console.type('bay image prune -a -f');
  await console.type('bay images');
  console.matches('prune.txt');
});
