import { familiar } from '../../model/reference.ts';
import type { Completer } from './grammar.ts';
import { openStore } from './host.ts';

/** Offers the names of the store's images, with the tag once a colon is typed or where the name has just one. */
export const completeImages: Completer = async (_word, { terminal }) => {
  await using store = await openStore({ terminal });
  return (await store.names()).map(({ reference }) => familiar(reference)).toSorted();
};
