/** The store's two ways in, as places for images. */
import { ImageStore } from '../../src/store/image-store.ts';
import { temporary } from '../support/temporary.ts';
import { imagePlaceContract } from './image-sink.ts';

imagePlaceContract('an ingest of the store', async (t) => {
  const store = await ImageStore.open(temporary(t, 'store'));
  const ingest = await store.begin();
  t.after(async () => {
    await ingest[Symbol.asyncDispose]();
    await store.close();
  });
  return { sink: ingest, source: store, nameOf: (tag) => `app:${tag}` };
});

imagePlaceContract('a repository of the store', async (t) => {
  const store = await ImageStore.open(temporary(t, 'store'));
  t.after(() => store.close());
  const repository = store.repository({ registry: 'docker.io', repository: 'me/app' });
  return { sink: repository, source: repository, nameOf: (tag) => tag };
});
