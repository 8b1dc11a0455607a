/**
 * One of several processes that make containers in one store: node container-process.ts FOLDER NAME ROUNDS [POINT COUNT]
 *
 * Each round makes a container with a volume, puts a file into it and into the container `shared`, commits it and removes it; what is done is said on stdout, a line for each act.
 * With a point of the store's writes it ends itself at the COUNTth time that one is reached; without rounds it goes on for ever.
 */
import { writeSync } from 'node:fs';

import { Containers } from '../../src/containers/containers.ts';
import { once } from '../../src/io/once.ts';
import { parseReference } from '../../src/model/reference.ts';
import { commit } from '../../src/operations/commit.ts';
import { copyIntoContainer } from '../../src/operations/copy-into-container.ts';
import { createContainer } from '../../src/operations/create-container.ts';
import { removeContainer } from '../../src/operations/remove-container.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { tarOfFiles } from '../support/base-image.ts';

const [folder = '', name = '', rounds = '3', point, count = '1'] = process.argv.slice(2);
let left = Number(count);
const store = await ImageStore.open(folder, {
  at: (reached) => {
    if (reached === point && --left === 0) process.kill(process.pid, 'SIGKILL');
  },
});
const host = { store, containers: new Containers(store), now: () => new Date() };

/** Synchronous: what was said was done before. */
const say = (act: string, what: string) => writeSync(1, `${act} ${what}\n`);
const put = async (container: string, file: string) =>
  copyIntoContainer(host, container, '/etc', once(await tarOfFiles({ [file]: `${file}\n` })));

for (let round = 0; round < (Number(rounds) || Infinity); round++) {
  const own = `${name}-${process.pid}-${round}`;
  await createContainer(host, { Image: 'base:1', Volumes: { '/data': {} } }, { name: own });
  say('create', own);
  await put(own, own);
  say('put', own);
  await put('shared', own);
  say('share', own);
  const reference = `made/${own}:1`;
  await commit(host, own, { reference: parseReference(reference) });
  say('commit', reference);
  await removeContainer(host, own, { volumes: true });
  say('remove', own);
}
await store.close();
