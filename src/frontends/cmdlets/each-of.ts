import { isImageError } from '../../errors.ts';
import { errorRecord } from './error-record.ts';
import type { ErrorRecord, Shell } from './shell.ts';

/**
 * Acts on one after the other, as a pipeline does: what fails is an error of its own, and the others go on.
 * @param target what an error is about that does not say it itself
 * @throws ImageError `canceled`
 */
export async function eachOf<Item>(
  items: Iterable<Item>,
  act: (item: Item) => Promise<void>,
  shell: Shell,
  target: (item: Item) => ErrorRecord['target'] = String,
): Promise<void> {
  for (const item of items)
    try {
      await act(item);
    } catch (error) {
      if (shell.signal.aborted || isImageError(error, 'canceled')) throw error;
      await shell.writeError(errorRecord(error, target(item)));
    }
}
