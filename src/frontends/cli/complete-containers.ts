import type { Completer } from './grammar.ts';
import { openStore } from './host.ts';

/** Offers the names of the store's containers that the line does not have yet. */
export const completeContainers: Completer = async (_word, { given, terminal }) => {
  await using store = await openStore({ terminal });
  const names = (await store.containers()).map(({ name }) => name).filter((name) => !given.includes(name));
  return names.toSorted();
};

/** For a command of one container. */
export const completeContainer: Completer = async (word, context) => (context.given.length > 0 ? [] : completeContainers(word, context));
