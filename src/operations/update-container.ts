import { checkResources, checkRestartPolicy } from '../containers/check-settings.ts';
import { readDocument, writeDocument } from '../containers/container-document.ts';
import { readUpdate } from '../containers/container-settings.ts';
import { withHostDefaults } from '../containers/host-defaults.ts';
import { ImageError } from '../errors.ts';
import type { Host } from './host.ts';

/** The answer to `POST /containers/{id}/update`. */
export interface UpdatedContainer {
  readonly Warnings: readonly string[] | null;
}

/**
 * Changes what the host is to give a container: resources and the restart policy; what is zero or absent stays as it is.
 * @param document docker's: Resources, with RestartPolicy in it
 * @throws ImageError `not-found`, `invalid-argument`, `conflict`, with docker's texts
 */
export async function updateContainer(
  host: Pick<Host, 'store' | 'containers'>,
  name: string,
  document: unknown,
): Promise<UpdatedContainer> {
  const { RestartPolicy, ...resources } = readUpdate(document);
  const container = await host.containers.get(name);
  if (RestartPolicy.Name !== '') checkRestartPolicy(RestartPolicy);
  const given = Object.fromEntries(
    Object.entries(resources).filter(([, value]) => !(value === null || value === undefined || value === 0 || value === '')),
  );
  // What was asked for must be possible by itself, before it is held against what is there.
  checkResources({
    ...noResources,
    ...given,
    ...(given['MemorySwap'] === undefined ? {} : { Memory: Number(given['Memory'] ?? Infinity) }),
  });
  await host.store.changeContainer(
    container.id,
    (current) => {
      const own = readDocument(current);
      const cannot = (why: string) => new ImageError('conflict', `Cannot update container ${current.id}: ${why}`);
      const { Memory: memory, MemorySwap: swap } = own.host;
      if (RestartPolicy.Name !== '' && RestartPolicy.Name !== 'no' && own.host.AutoRemove)
        throw cannot('Restart policy cannot be updated because AutoRemove is enabled for the container');
      if (typeof given['Memory'] === 'number' && given['MemorySwap'] === undefined && given['Memory'] > swap)
        throw cannot('Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time');
      if (given['NanoCpus'] !== undefined && own.host.CpuPeriod !== 0)
        throw cannot('Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set');
      if (given['NanoCpus'] !== undefined && own.host.CpuQuota !== 0)
        throw cannot('Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set');
      for (const [key, shown] of [
        ['CpuPeriod', 'CPU Period'],
        ['CpuQuota', 'CPU Quota'],
      ] as const)
        if (given[key] !== undefined && own.host.NanoCpus !== 0)
          throw cannot(`Conflicting options: ${shown} cannot be updated as NanoCPUs has already been set`);
      const changed = { ...own.host, ...given, ...(RestartPolicy.Name === '' ? {} : { RestartPolicy }) };
      if (given['Memory'] !== undefined && memory !== 0 && changed.MemorySwap > 0 && changed.MemorySwap < changed.Memory)
        throw cannot('Minimum memoryswap limit should be larger than memory limit, see usage');
      return { document: writeDocument({ ...own, host: withHostDefaults(changed, own.platform.os) }) };
    },
    { action: 'update', attributes: container.attributes },
  );
  return { Warnings: null };
}

const noResources = {
  Memory: 0,
  MemorySwap: 0,
  MemoryReservation: 0,
  MemorySwappiness: null,
  NanoCpus: 0,
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuShares: 0,
  CpuPercent: 0,
  CpusetCpus: '',
  CpusetMems: '',
  BlkioWeight: 0,
};
