import { ImageError } from '../../errors.ts';
import type { Exchange } from './exchange.ts';

/** @throws ImageError `conflict`, with docker's text, while the same prune of another client goes on */
export async function oneAtATime<T>({ desk }: Exchange, what: string, work: () => Promise<T>): Promise<T> {
  if (desk.pruning.has(what)) throw new ImageError('conflict', 'a prune operation is already running');
  desk.pruning.add(what);
  try {
    return await work();
  } finally {
    desk.pruning.delete(what);
  }
}
