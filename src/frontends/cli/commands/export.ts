/** `bay export` and `bay container export`. */

import { pipeline } from 'node:stream/promises';
import { ImageError } from '../../../errors.ts';
import { writeStreamAtomic } from '../../../io/atomic-file.ts';
import { exportContainer } from '../../../operations/export-container.ts';
import { completeContainer } from '../complete-containers.ts';
import { command } from '../grammar.ts';
import { openContainers } from '../host.ts';
import { outputFile } from '../output-file.ts';

export const exportCommand = command({
  description: "Export a container's filesystem as a tar archive: its image's files with what was changed, without what is mounted.",
  operands: { usage: 'CONTAINER', min: 1, max: 1 },
  flags: {
    output: { type: 'string', short: 'o', value: 'string', help: 'Write to a file, instead of STDOUT' },
  },
  examples: [['A flat image of it', 'bay export work | bay import - me/flat:1']],
  complete: completeContainer,
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    const { signal } = terminal;
    if (!flags.output && terminal.isTTY.stdout)
      throw new ImageError('invalid-argument', 'cowardly refusing to save to a terminal. Use the -o flag or redirect', {
        detail: { plain: true },
      });
    // Docker looks before it asks for the container.
    const file = flags.output ? await outputFile(flags.output, terminal.cwd, 'failed to export container') : undefined;
    await using host = await openContainers(invocation);
    const tar = await exportContainer(host, operands[0], { signal });
    if (file === undefined) await pipeline(tar, terminal.stdout, { signal, end: false });
    else await writeStreamAtomic(file, tar, signal);
  },
});
