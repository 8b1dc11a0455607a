import { type Digest, digestOf } from '../model/digest.ts';

/**
 * The chain ID of each layer with those below it, from the bottom up (image-spec config.md, "Layer ChainID"): equal chain IDs are equal trees.
 * As many as there are diff IDs; the first is the first diff ID itself.
 */
export function chainIds(diffIds: readonly Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : digestOf(Buffer.from(`${below} ${diffId}`)));
  }
  return chain;
}
