import { ImageError } from '../errors.ts';
import { inspectNetwork } from './list-networks.ts';

/** There are only those that docker does not remove either. @throws ImageError `not-found`, else `denied`, with docker's texts */
export function removeNetwork(name: string): never {
  throw new ImageError('denied', `${inspectNetwork(name).Name} is a pre-defined network and cannot be removed`);
}
