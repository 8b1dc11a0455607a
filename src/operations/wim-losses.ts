import { ImageError } from '../errors.ts';
import type { WimLoss } from '../layers/wim-losses.ts';

/** Asked before anything is written where something would be lost that `asks`; false, and nobody to ask, ends it. */
export type AcceptLosses = boolean | ((losses: readonly WimLoss[]) => boolean | Promise<boolean>);

/** @param what the file or image whose content it is. @throws ImageError `conflict` */
export async function askForLosses(what: string, losses: readonly WimLoss[], accept: AcceptLosses = false): Promise<void> {
  const asked = losses.filter(({ asks }) => asks);
  if (asked.length === 0) return;
  if (typeof accept === 'boolean' ? accept : await accept(asked)) return;
  const said = asked.map(({ text, examples }) => `${text} (${examples.join(', ')})`);
  throw new ImageError('conflict', `${what} cannot be kept whole: ${said.join('; ')}`, {
    hint: 'Nothing has been written. Accept it (--accept-losses) if it can be without.',
    detail: { losses: asked },
  });
}
