/**
 * PAX keywords of ours, for what a WIM file says and no layer tar can. Other programs pass over them; with them a WIM that became a layer becomes the same WIM again.
 * They are part of the diff ID: none is ever changed, and each stands only where the entry could not be made again without it (docs/decisions/0052-wim-and-images.md).
 */

export const wimPrefix = 'BAYPLAN.wim.';

export const wimRecords = {
  /** The 8.3 name. Of each name of a file by itself. */
  shortName: 'BAYPLAN.wim.shortname',
  /** The field at 0x54, decimal. Of each name by itself. */
  unknown54: 'BAYPLAN.wim.unknown54',
  /** A reparse point: `formatReparse`. */
  reparse: 'BAYPLAN.wim.reparse',
  /** All tagged items as they stand in the file, base64; `none` where there are none and others would be made. */
  items: 'BAYPLAN.wim.items',
  /** Of Linux's trees, where they are not the time of the last change. PAX times. */
  accessed: 'BAYPLAN.wim.accessed',
  created: 'BAYPLAN.wim.created',
  /** On `Files`: the WIM's root had this folder in it, and what it says of its root: `formatRoot`. */
  root: 'BAYPLAN.wim.root',
  /** `1` on what a Windows layer must have and the WIM's tree had not. */
  made: 'BAYPLAN.wim.made',
} as const;

/** Those that names of one file have each by itself. */
export const nameRecords: ReadonlySet<string> = new Set([wimRecords.shortName, wimRecords.unknown54]);
