import type { DraftFolder } from './draft-folder.ts';
import type { Occurrence } from './store-event.ts';

/** One named volume: a folder of this host's that containers share. */
export interface VolumeRecord {
  readonly name: string;
  readonly created: Date;
  /** Where its files are: the store's `bay/volumes/…/_data`. */
  readonly mountpoint: string;
  /** What JSON can hold, of the room that volumes belong to: driver, labels, options. */
  readonly document: unknown;
}

/** A volume on its way in. Where there is one of its name already, that one stays as it is, and no event is written. */
export interface NewVolume extends Pick<VolumeRecord, 'name' | 'document'> {
  /** A folder with a `_data` in it: what the volume begins with. */
  readonly draft: DraftFolder;
  readonly event: Occurrence;
}

/** A volume that goes where nothing needs it any more. */
export interface GoingVolume extends Pick<VolumeRecord, 'name'> {
  readonly event: Occurrence;
}
