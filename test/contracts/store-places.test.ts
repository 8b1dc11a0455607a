/** The store's two ways in, as places for images. */
import { closedFirst, openStore, storeFolder } from '../support/open-store.ts';
import { imagePlaceContract } from './image-sink.ts';

imagePlaceContract('an ingest of the store', async (t) => {
  const folder = storeFolder(t);
  const store = await openStore(t, folder);
  const ingest = await store.begin();
  closedFirst(folder, { close: () => ingest[Symbol.asyncDispose]() });
  return { sink: ingest, source: store, nameOf: (tag) => `app:${tag}` };
});

imagePlaceContract('a repository of the store', async (t) => {
  const store = await openStore(t);
  const repository = store.repository({ registry: 'docker.io', repository: 'me/app' });
  return { sink: repository, source: repository, nameOf: (tag) => tag };
});
