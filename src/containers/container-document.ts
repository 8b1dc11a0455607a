import type { Platform } from '../model/platform.ts';
import type { ContainerRecord } from '../store/container-record.ts';
import type { ContainerConfig, EndpointSettings, HostConfig } from './container-settings.ts';
import type { MountPoint } from './mount-points.ts';

/** What this room keeps of a container, beside the columns that the store reads. */
export interface ContainerDocument {
  /** Of the image that it stands on. */
  readonly platform: Platform;
  readonly config: ContainerConfig;
  readonly host: HostConfig;
  readonly networks: Readonly<Record<string, EndpointSettings>>;
  readonly mounts: readonly MountPoint[];
}

/** The document of a record: only this room writes it, and only with `writeDocument`. */
export function readDocument({ document }: Pick<ContainerRecord, 'document'>): ContainerDocument {
  return document as ContainerDocument;
}

export function writeDocument(document: ContainerDocument): ContainerRecord['document'] {
  return document;
}
