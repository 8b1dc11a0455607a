import { readVolume } from '../containers/volumes.ts';
import type { VolumeRecord } from '../store/volume-record.ts';
import type { Host } from './host.ts';

/** A volume as docker's `volume inspect` and the Engine API have it, keys and all. */
export interface InspectedVolume {
  readonly CreatedAt: string;
  readonly Driver: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Mountpoint: string;
  readonly Name: string;
  readonly Options: Readonly<Record<string, string>> | null;
  readonly Scope: 'local';
  /** Where usage was asked for. */
  readonly UsageData?: { readonly RefCount: number; readonly Size: number };
}

/** @throws ImageError `not-found`, with docker's text */
export async function inspectVolume(host: Pick<Host, 'store'>, name: string): Promise<InspectedVolume> {
  return inspectedVolume(await host.store.volume(name));
}

export function inspectedVolume(volume: VolumeRecord): InspectedVolume {
  const { driver, labels, options } = readVolume(volume);
  return {
    CreatedAt: volume.created.toISOString().replace(/\.\d+Z$/, 'Z'),
    Driver: driver,
    Labels: labels,
    Mountpoint: volume.mountpoint,
    Name: volume.name,
    Options: options,
    Scope: 'local',
  };
}
