/**
 * Makes an image of another one with more files in it, in a store, without a daemon and without root.
 *
 *   tar -c … | node examples/commit.ts FOLDER IMAGE NEW-IMAGE
 */
import {
  Containers,
  ImageStore,
  commit,
  containerChanges,
  copyIntoContainer,
  createContainer,
  isImageError,
  parseReference,
  removeContainer,
} from 'bayplan';

const [folder = 'images', base = 'debian:12', name = 'me/app:1'] = process.argv.slice(2);

try {
  await using store = await ImageStore.open(folder);
  const host = { store, containers: new Containers(store), now: () => new Date() };
  const { Id: container } = await createContainer(host, { Image: base });
  await copyIntoContainer(host, container, '/', process.stdin);
  for (const { Path } of await containerChanges(host, container)) console.log(Path);
  console.log((await commit(host, container, { reference: parseReference(name) })).digest);
  await removeContainer(host, container);
} catch (error) {
  if (!isImageError(error)) throw error;
  console.error(error.message, error.hint ?? '');
  process.exitCode = 1;
}
