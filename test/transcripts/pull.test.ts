/** Pull and push as typed, beyond the page: what is new, what is not, what is not there. */
import { join } from 'node:path';
import { test } from 'node:test';

import { temporary } from '../support/temporary.ts';
import { Console, skipWithoutShell } from './console.ts';
import { shownAs, startHub, startServer } from './hub.ts';
import { ago, makeImages, makeIndexOf } from './made-images.ts';

const skip = skipWithoutShell;

test('pull by tag, by digest and by platform', { skip }, async (t) => {
  const home = join(temporary(t, 'hub'), 'home');
  const amd64 = { platform: 'linux/amd64', age: ago.twoWeeks, size: 20_000 };
  await makeImages(home, [
    { ...amd64, name: 'debian:amd64' },
    { ...amd64, name: 'debian:arm64', platform: 'linux/arm64' },
    { ...amd64, name: 'me/app:1', also: ['me/app:2'], age: ago.twoDays },
  ]);
  const index = await makeIndexOf(home, ['debian:amd64', 'debian:arm64'], 'debian:12');
  const hub = await startHub(t, home);
  const console = new Console(t, { env: { CONTAINERS_REGISTRIES_CONF: hub.registriesConf } });
  await console.type('bay pull --platform linux/amd64 debian:12');
  await console.type('bay images --digests');
  await console.type('bay pull --platform linux/amd64 debian:12');
  await console.type('bay pull --platform linux/s390x debian:12');
  await console.type('bay pull --platform linux/arm64 debian:12');
  await console.type('bay images');
  await console.type(`bay pull --platform linux/amd64 debian@${index}`);
  await console.type('bay images --digests');
  await console.type('bay pull -q me/app:1');
  await console.type('bay pull -a me/app');
  await console.type('bay pull --json me/app:1');
  await console.type('bay pull --all-platforms debian:12');
  await console.type('bay images');
  console.matches('pull.txt', shownAs(hub));
});

test('pull of what is not there, and of what is no name', { skip }, async (t) => {
  const home = join(temporary(t, 'hub'), 'home');
  await makeImages(home, [{ name: 'debian:12', platform: 'linux/amd64', age: ago.twoWeeks, size: 100 }]);
  const hub = await startHub(t, home);
  const console = new Console(t, { env: { CONTAINERS_REGISTRIES_CONF: hub.registriesConf } });
  await console.type('bay pull debian:nope');
  await console.type('bay pull nosuchimage');
  await console.type(`bay pull debian@sha256:${'0'.repeat(64)}`);
  await console.type('bay pull 127.0.0.1:1/app');
  await console.type('bay pull DEBIAN');
  await console.type('bay pull debian:.x');
  await console.type('bay pull debian@sha256:123');
  await console.type('bay pull debian@md5:d41d8cd98f00b204e9800998ecf8427e');
  await console.type('bay pull scratch');
  await console.type('bay pull -a debian:12');
  await console.type('bay pull --platform linux debian:12');
  await console.type('bay images');
  console.matches('pull-refused.txt', shownAs(hub));
});

test('push of an image, of all its tags, and of what is not there', { skip }, async (t) => {
  const server = await startServer(t, join(temporary(t, 'registry'), 'home'));
  const console = new Console(t);
  const names = ['base:1', 'base:2'].map((name) => `${server.host}/me/${name}`);
  await makeImages(console.home, [{ name: 'debian:12', platform: 'linux/amd64', age: ago.twoWeeks, size: 20_000, also: names }]);
  await console.type(`bay push ${server.host}/me/base:1`);
  await console.type(`bay push -a ${server.host}/me/base`);
  await console.type(`bay push -q ${server.host}/me/base:2`);
  await console.type(`bay push --json ${server.host}/me/base:2`);
  await console.type(`bay push ${server.host}/me/base:3`);
  await console.type(`bay push ${server.host}/me/nosuch`);
  await console.type(`bay push -a ${server.host}/me/base:1`);
  await console.type(`bay tag ${server.host}/me/base:1 ${server.host}/other/base:1`);
  await console.type(`bay push ${server.host}/other/base:1`);
  await console.type(`bay tags ${server.host}/me/base`);
  await console.type(`bay catalog ${server.host}`);
  await console.type(`bay manifest inspect --insecure ${server.host}/me/base:1`);
  await console.type(`bay manifest inspect --insecure -v ${server.host}/me/base:1 | sed 's/"Raw": "ey.*=*"/"Raw": "<base64>"/'`);
  await console.type(`bay manifest inspect --insecure ${server.host}/me/base:nosuch`);
  console.matches('push.txt', shownAs(server));
});
