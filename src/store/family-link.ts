import type { Digest } from '../model/digest.ts';
import type { Relation } from './relation.ts';

/** That one image was made from another, seen from neither. */
export interface FamilyLink extends Omit<Relation, 'image'> {
  readonly child: Digest;
  readonly parent: Digest;
}

/** The best known first. */
export const strength: readonly Relation['how'][] = ['recorded', 'proved', 'claimed'];

/** What was made from this parent, by these links. */
export function childrenOf(parent: Digest, links: readonly FamilyLink[]): Relation[] {
  return merged(
    links.filter((link) => link.parent === parent),
    childOf,
  );
}

export const childOf = ({ child }: FamilyLink): Digest => child;

/** One relation for each image that `other` says: the best known, and of those the one with the most layers. */
export function merged(links: readonly FamilyLink[], other: (link: FamilyLink) => Digest): Relation[] {
  const [only] = links;
  if (only === undefined) return [];
  if (links.length === 1) return [relationOf(only, other(only))];
  const best = new Map<Digest, Relation>();
  for (const link of links) {
    const { how, layers } = link;
    const image = other(link);
    const before = best.get(image);
    const better = before ? strength.indexOf(how) - strength.indexOf(before.how) || (before.layers ?? 0) - (layers ?? 0) : -1;
    if (better < 0) best.set(image, relationOf(link, image));
  }
  return [...best.values()];
}

function relationOf({ how, by, layers }: FamilyLink, image: Digest): Relation {
  return layers === undefined ? { image, how, by } : { image, how, by, layers };
}
