import { folderSize } from '../containers/host-folder.ts';
import { readVolume } from '../containers/volumes.ts';
import type { VolumeRecord } from '../store/volume-record.ts';
import { filterSwitch, labelFilter, patternTest, requireFilterKey, type FilterTerm } from './filter-term.ts';
import type { Host } from './host.ts';
import { inspectedVolume, type InspectedVolume } from './inspect-volume.ts';

export interface ListVolumesOptions {
  readonly filters?: readonly FilterTerm[] | undefined;
  /** Also how many containers need each, and its bytes, which must be measured. */
  readonly usage?: boolean | undefined;
}

/** Volumes by name. @throws ImageError `invalid-argument`, with docker's texts */
export async function listVolumes(host: Pick<Host, 'store'>, options: ListVolumesOptions = {}): Promise<readonly InspectedVolume[]> {
  const keep = volumeFilter(options.filters ?? [], ['dangling', 'driver', 'label', 'name']);
  const found: InspectedVolume[] = [];
  for (const volume of await host.store.volumes()) {
    const users = (await host.store.volumeUsers(volume.name)).length;
    if (!keep(volume, users)) continue;
    const document = inspectedVolume(volume);
    found.push(options.usage ? { ...document, UsageData: { RefCount: users, Size: await folderSize(volume.mountpoint) } } : document);
  }
  return found;
}

/** Docker's filter: labels must all be there, values of any other key are alternatives, and different keys must hold together. */
export function volumeFilter(terms: readonly FilterTerm[], keys: readonly string[]): (volume: VolumeRecord, users: number) => boolean {
  const alternatives = new Map<string, ((volume: VolumeRecord, users: number) => boolean)[]>();
  for (const [at, { key, value }] of terms.entries()) {
    requireFilterKey(key, keys);
    const isLabel = key === 'label' || key === 'label!';
    const own = alternatives.get(isLabel ? `${key} ${at}` : key) ?? [];
    alternatives.set(isLabel ? `${key} ${at}` : key, [...own, testOf(terms, key, value)]);
  }
  return (volume, users) => [...alternatives.values()].every((tests) => tests.some((test) => test(volume, users)));
}

function testOf(terms: readonly FilterTerm[], key: string, value: string): (volume: VolumeRecord, users: number) => boolean {
  switch (key) {
    case 'dangling': {
      const wanted = filterSwitch(terms, key);
      return (_volume, users) => (users === 0) === wanted;
    }
    case 'driver':
      return (volume) => readVolume(volume).driver === value;
    case 'label':
    case 'label!': {
      const has = labelFilter(value);
      return (volume) => has(readVolume(volume).labels ?? {}) === (key === 'label');
    }
    default: {
      const matches = patternTest(key, value);
      return ({ name }) => matches(name);
    }
  }
}
