/** `bay rm` and `bay container rm`. */

import { isImageError } from '../../../errors.ts';
import { removeContainer } from '../../../operations/remove-container.ts';
import { completeContainers } from '../complete-containers.ts';
import { command } from '../grammar.ts';
import { openContainers } from '../host.ts';

export const rm = command({
  description: 'Remove one or more containers, with what was changed in them. Volumes stay, unless they have no name and -v is given.',
  operands: { usage: 'CONTAINER [CONTAINER...]', min: 1 },
  flags: {
    force: { type: 'bool', short: 'f', help: 'Force the removal of a running container (uses SIGKILL)' },
    link: { type: 'bool', short: 'l', help: 'Remove the specified link' },
    volumes: { type: 'bool', short: 'v', help: 'Remove anonymous volumes associated with the container' },
  },
  examples: [['With its unnamed volumes', 'bay rm -v work']],
  complete: completeContainers,
  async run(invocation) {
    const { flags, operands, terminal, report } = invocation;
    await using host = await openContainers(invocation);
    let failed = false;
    for (const name of operands) {
      try {
        await removeContainer(host, name, flags);
        terminal.print(`${name}\n`);
      } catch (error) {
        if (terminal.signal.aborted) throw error;
        report(error);
        // With --force a container that is not there is as good as removed, as in docker's.
        failed ||= !(flags.force && isImageError(error, 'not-found'));
      }
    }
    return failed ? 1 : 0;
  },
});
