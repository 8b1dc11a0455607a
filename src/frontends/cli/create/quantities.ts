/** Sizes, shares and durations as docker's flags take them. All throw ImageError `invalid-argument` with docker's texts. */

import { ImageError } from '../../../errors.ts';

/** `100m`, `1.5 GiB`, `1024`: powers of 1024, in bytes. */
export function parseBytes(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?) ?([kmgtpe]?)(?:i?b)?$/i.exec(text) ?? [];
  if (number === undefined) throw new ImageError('invalid-argument', `invalid size: '${text}'`);
  return Math.trunc(Number(number) * 1024 ** ' kmgtpe'.indexOf(unit === '' ? ' ' : unit.toLowerCase()));
}

/** As `parseBytes`, and `-1` for no limit. */
export function parseSwapBytes(text: string): number {
  return text === '-1' ? -1 : parseBytes(text);
}

/** `1.5` as billionths. */
export function parseCpus(text: string): number {
  if (!/^[+-]?(?:\d+(?:\.\d*)?|\.\d+|\d+\/\d+)$/.test(text))
    throw new ImageError('invalid-argument', `failed to parse ${text} as a rational number`);
  const [numerator = 0, denominator = 1] = text.split('/').map(Number);
  const nano = (numerator / denominator) * 1e9;
  if (Math.abs(nano - Math.round(nano)) > 1e-3) throw new ImageError('invalid-argument', 'value is too precise');
  return Math.round(nano);
}

const units: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** A Go duration, in nanoseconds. */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  if (!/^[+-]?(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h)|\.\d+(?:ns|us|µs|ms|s|m|h))+$/.test(text))
    throw new ImageError(
      'invalid-argument',
      `time: ${/^[+-]?[\d.]+$/.test(text) ? 'missing unit in' : 'invalid'} duration ${JSON.stringify(text)}`,
    );
  let total = 0;
  for (const [, number, unit = ''] of text.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)) total += Number(number) * (units[unit] ?? 0);
  return Math.round(text.startsWith('-') ? -total : total);
}
