import type { Completer } from './grammar.ts';
import { openStore } from './host.ts';

/** Offers the names of the store's volumes that the line does not have yet. */
export const completeVolumes: Completer = async (_word, { given, terminal }) => {
  await using store = await openStore({ terminal });
  return (await store.volumes()).map(({ name }) => name).filter((name) => !given.includes(name));
};
