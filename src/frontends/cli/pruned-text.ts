import { familiar } from '../../model/reference.ts';
import type { Pruned } from '../../operations/prune.ts';
import { humanSize } from './units.ts';

/** What a prune says of the things of one kind that it took, or with `dryRun` would take; nothing where there are none. */
export function prunedText(kind: string, names: readonly string[] | null, dryRun: boolean): string {
  if (!names?.length) return '';
  return `${dryRun ? `${kind} that would be deleted` : `Deleted ${kind}`}:\n${names.join('\n')}\n\n`;
}

export function prunedImagesText(images: Pruned['images'], dryRun: boolean): string {
  const [untaggedWord, deletedWord] = dryRun ? ['would be untagged', 'would be deleted'] : ['untagged', 'deleted'];
  const lines = images.flatMap(({ untagged, deleted }) => [
    ...untagged.map((reference) => `${untaggedWord}: ${familiar(reference)}`),
    `${deletedWord}: ${deleted}`,
  ]);
  return prunedText('Images', lines, dryRun);
}

export function reclaimedText(bytes: number, dryRun: boolean): string {
  return `Total ${dryRun ? 'space that would be reclaimed' : 'reclaimed space'}: ${humanSize(bytes, 4)}\n`;
}
