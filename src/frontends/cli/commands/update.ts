/** `bay update` and `bay container update`. */

import { ImageError } from '../../../errors.ts';
import { updateContainer } from '../../../operations/update-container.ts';
import { completeContainers } from '../complete-containers.ts';
import { restartPolicy } from '../create/create-document.ts';
import { resourcesOf } from '../create/resources.ts';
import { createFlags } from '../create/create-flags.ts';
import { command } from '../grammar.ts';
import { openContainers } from '../host.ts';
import { program, usageLine, withUsage } from '../usage.ts';

const operands = { usage: 'CONTAINER [CONTAINER...]', min: 1 } as const;
const flags = {
  'blkio-weight': createFlags['blkio-weight'],
  'cpu-period': createFlags['cpu-period'],
  'cpu-quota': createFlags['cpu-quota'],
  'cpu-rt-period': createFlags['cpu-rt-period'],
  'cpu-rt-runtime': createFlags['cpu-rt-runtime'],
  'cpu-shares': createFlags['cpu-shares'],
  cpus: createFlags.cpus,
  'cpuset-cpus': createFlags['cpuset-cpus'],
  'cpuset-mems': createFlags['cpuset-mems'],
  memory: createFlags.memory,
  'memory-reservation': createFlags['memory-reservation'],
  'memory-swap': createFlags['memory-swap'],
  'pids-limit': createFlags['pids-limit'],
  restart: { type: 'string', value: 'string', help: 'Restart policy to apply when a container\nexits', values: createFlags.restart.values },
} as const;

export const update = command({
  description: 'Update configuration of one or more containers: what they may use of the machine, and when they are restarted.',
  operands,
  flags,
  examples: [['Less memory', 'bay update --memory 256m --memory-swap 512m work']],
  complete: completeContainers,
  async run(invocation) {
    const { terminal, report, given, name: typed } = invocation;
    if (given.size === 0)
      throw new ImageError('invalid-argument', 'you must provide one or more flags when using this command', { detail: { plain: true } });
    const document = { ...readResources(typed, invocation.flags), RestartPolicy: restartPolicy(invocation.flags.restart ?? '') };
    await using host = await openContainers(invocation);
    let failed = false;
    for (const name of invocation.operands) {
      try {
        const { Warnings } = await updateContainer(host, name, document);
        for (const warning of Warnings ?? []) terminal.stderr.write(`${warning}\n`);
        terminal.print(`${name}\n`);
      } catch (error) {
        if (terminal.signal.aborted) throw error;
        report(error);
        failed = true;
      }
    }
    return failed ? 1 : 0;
  },
});

function readResources(typed: string, values: Parameters<typeof resourcesOf>[0]): ReturnType<typeof resourcesOf> {
  try {
    return resourcesOf(values);
  } catch (error) {
    if (error instanceof ImageError && error.detail['usage'] === true)
      throw withUsage(error, usageLine(typed, flags, operands), `${program} ${typed}`);
    throw error;
  }
}
