/** One named volume: a folder of this host's that containers share. */
export interface VolumeRecord {
  readonly name: string;
  readonly created: Date;
  /** Where its files are: the store's `bay/volumes/…/_data`. */
  readonly mountpoint: string;
  /** JSON, of the room that volumes belong to: driver, labels, options, whether it was asked for by name. */
  readonly document: Readonly<Record<string, unknown>>;
}
