/** `bay tag`. */

import { ImageError, isImageError } from '../../../errors.ts';
import { familiar, parseReference } from '../../../model/reference.ts';
import { tag as giveTag } from '../../../operations/tag.ts';
import { completeImages } from '../complete-images.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';

export const tag = command({
  description: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE.',
  operands: { usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]', min: 2, max: 2 },
  flags: { json: { type: 'bool', help: 'Print one JSON document' } },
  examples: [
    ['One more name', 'bay tag debian:12 me/base:1'],
    ['By the id that `bay images` shows', 'bay tag 0e5574283393 windowsservercore:latest'],
  ],
  complete: completeImages,
  async run(invocation) {
    const [source, name] = invocation.operands;
    checkName(name);
    await using store = await openStore(invocation);
    const { reference, target } = await giveTag({ store }, source, name);
    if (invocation.flags.json) invocation.terminal.print(`${JSON.stringify({ name: familiar(reference), id: target.digest })}\n`);
  },
});

/** What docker's client says of a name, before it asks anybody. @throws ImageError `invalid-reference` */
function checkName(name: string): void {
  try {
    if (parseReference(name).digest === undefined) return;
  } catch (error) {
    if (!isImageError(error, 'invalid-reference')) throw error;
    const message = `Error parsing reference: ${JSON.stringify(name)} is not a valid repository/tag: ${error.message}`;
    throw new ImageError('invalid-reference', message, { hint: error.hint, detail: { plain: true } });
  }
  throw new ImageError('invalid-reference', 'refusing to create a tag with a digest reference', { detail: { plain: true } });
}
