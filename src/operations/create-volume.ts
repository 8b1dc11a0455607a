import { planVolume, type NewVolumeSettings } from '../containers/volumes.ts';
import type { Host } from './host.ts';
import { inspectedVolume, type InspectedVolume } from './inspect-volume.ts';

/** Makes a volume, or finds the one of that name, as docker does. @throws ImageError `invalid-argument`, `not-found` for a driver, with docker's texts */
export async function createVolume(host: Pick<Host, 'store'>, settings: NewVolumeSettings = {}): Promise<InspectedVolume> {
  const { name, document } = planVolume(settings);
  return inspectedVolume(
    await host.store.addVolume({ name, document: { ...document } }, { action: 'create', attributes: { driver: document.driver } }),
  );
}
