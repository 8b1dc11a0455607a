/** `bay rename` and `bay container rename`. */

import { ImageError, isImageError } from '../../../errors.ts';
import { renameContainer } from '../../../operations/rename-container.ts';
import { completeContainer } from '../complete-containers.ts';
import { command } from '../grammar.ts';
import { openContainers } from '../host.ts';

export const rename = command({
  description: 'Rename a container.',
  operands: { usage: 'CONTAINER NEW_NAME', min: 2, max: 2 },
  flags: {},
  complete: completeContainer,
  async run(invocation) {
    const { operands } = invocation;
    const [name, wanted] = operands;
    if (name === '' || wanted === '') throw new ImageError('invalid-argument', 'Neither old nor new names may be empty');
    await using host = await openContainers(invocation);
    try {
      await renameContainer(host, name, wanted);
    } catch (error) {
      if (!isImageError(error)) throw error;
      throw new ImageError(error.code, `${error.message}\nError: failed to rename container named ${name}`, {
        hint: error.hint,
        detail: error.detail,
      });
    }
  },
});
