/**
 * PAX keywords of ours, for what a WIM file says and no layer tar can. Other programs pass over them; with them a WIM that became a layer becomes the same WIM again.
 * They are part of the diff ID: none is ever changed, and each stands only where the entry could not be made again without it (docs/decisions/0052-wim-and-images.md).
 */

import type { WimEntry } from '../formats/wim/wim-entry.ts';
import type { MadeReparse } from '../formats/wim/wim-reparse.ts';

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

/** Tag, reserved field and flags in hexadecimal, and the data in base64. */
export function formatReparse({ tag, reserved, flags, data }: MadeReparse): string {
  return `${[tag, reserved, flags].map((word) => word.toString(16)).join(' ')} ${Buffer.from(data).toString('base64')}`.trimEnd();
}

export function parseReparse(text: string): MadeReparse | undefined {
  const [, tag = '', reserved = '', flags = '', data = ''] = /^([0-9a-f]{1,8}) ([0-9a-f]{1,4}) ([0-9a-f]{1,4})(?: (.*))?$/.exec(text) ?? [];
  if (tag === '') return undefined;
  return {
    tag: Number.parseInt(tag, 16),
    reserved: Number.parseInt(reserved, 16),
    flags: Number.parseInt(flags, 16),
    data: Buffer.from(data, 'base64'),
  };
}

/** What a WIM says of the root of a layer, which has no entry for it: JSON. Named streams of it are not kept. */
export function formatRoot({ attributes, descriptor, created, accessed, written, items, unknown54 }: WimEntry): string {
  return JSON.stringify({
    attributes,
    ...(descriptor && { descriptor: Buffer.from(descriptor).toString('base64') }),
    times: [created, accessed, written].map(String),
    ...(items.length > 0 && { items: items.map(({ tag, data }) => [tag, Buffer.from(data).toString('base64')]) }),
    ...(unknown54 !== 0 && { unknown54 }),
  });
}

/** Undefined for what `formatRoot` has not made. */
export function parseRoot(
  text: string,
): Pick<WimEntry, 'attributes' | 'descriptor' | 'created' | 'accessed' | 'written' | 'items' | 'unknown54'> | undefined {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { attributes, descriptor, times, items = [], unknown54 = 0 } = (said ?? {}) as Record<string, unknown>;
  const isNumber = (value: unknown): value is number =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff;
  const isText = (value: unknown): value is string => typeof value === 'string';
  const isItem = (value: unknown): value is [number, string] => Array.isArray(value) && isNumber(value[0]) && isText(value[1]);
  if (!isNumber(attributes) || !isNumber(unknown54) || !Array.isArray(items) || !items.every(isItem)) return undefined;
  if (!Array.isArray(times) || times.length !== 3 || !times.every((time) => isText(time) && /^\d{1,20}$/.test(time))) return undefined;
  const [created, accessed, written] = times.map((time) => BigInt.asUintN(64, BigInt(String(time)))) as [bigint, bigint, bigint];
  return {
    attributes,
    descriptor: isText(descriptor) ? Buffer.from(descriptor, 'base64') : undefined,
    created,
    accessed,
    written,
    items: items.map(([tag, data]) => ({ tag, data: Buffer.from(data, 'base64') })),
    unknown54,
  };
}
