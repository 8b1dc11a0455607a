import type { Relation } from '../../../store/relation.ts';

/** How a parent is known, in a few words. */
export function knownBy({ how, by, layers }: Omit<Relation, 'image'>): string {
  if (how === 'recorded') return `recorded by ${by}`;
  if (by === 'annotation') return 'claimed by its annotation';
  return `${how} by ${layers} ${layers === 1 ? 'layer' : 'layers'}`;
}
