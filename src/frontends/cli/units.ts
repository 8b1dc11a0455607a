/** Sizes, durations and times as docker writes them (docker/go-units, and Go's time formats). */

import { zeroTime } from '../../model/zero-time.ts';
import { toExponential } from './rounding.ts';

const decimal = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];
const binary = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB'];

/**
 * `7.84MB`: powers of 1000, three significant digits. Progress shows four. Where rounding reaches 1000 the next unit is
 * taken: docker prints 999,600 bytes as `1e+03kB`, which no reader wants.
 */
export function humanSize(bytes: number, digits = 3): string {
  return scaled(bytes, 1000, decimal, digits);
}

/** `7.48MiB`: powers of 1024, four significant digits. */
export function binarySize(bytes: number): string {
  return scaled(bytes, 1024, binary, 4);
}

function scaled(bytes: number, base: number, units: readonly string[], digits: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  const rounded = round(value, digits);
  return base === 1000 && rounded >= 1000 && unit < units.length - 1 ? `1${units[unit + 1]}` : `${rounded}${units[unit]}`;
}

/** To so many significant digits, a tie to the even one. */
function round(value: number, digits: number): number {
  const scale = 10 ** (digits - (value < 10 ? 1 : value < 100 ? 2 : value < 1000 ? 3 : 4));
  const whole = Math.floor(value * scale);
  const rest = value * scale - whole;
  // The product may be off by a trifle: what is near a tie is told from its digits, which is dear for thousands of rows.
  if (Math.abs(rest - 0.5) < 1e-6) return Number(toExponential(value, digits));
  return (rest > 0.5 ? whole + 1 : whole) / scale;
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** `Less than a second`, `About an hour`, `2 weeks`: a duration in milliseconds, by go-units' thresholds. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / second);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(milliseconds / minute);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(milliseconds / hour + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(Math.trunc(milliseconds / hour) / 24 / 365)} years`;
}

/** `2 weeks ago`; empty where there is no time, which docker's tables show as `N/A`. A time to come is `Less than a second ago`. */
export function timeSince(time: Date | undefined, now: Date): string {
  return time === undefined ? '' : `${humanDuration(now.getTime() - time.getTime())} ago`;
}

/** The text of Go's zero time, which docker prints for a time that is not there. */
const zero = { text: '0001-01-01 00:00:00 +0000 UTC', rfc3339: zeroTime };

/** `2026-11-24 10:00:00 +0900 JST`: local time, as `.CreatedAt` of a list. */
export function localTime(time: Date | undefined): string {
  if (time === undefined) return zero.text;
  return `${clock(time, ' ')} ${offset(time, '')} ${zone(time)}`;
}

/** With nine digits of the second, as docker prints events. */
export function localRfc3339Nano(time: Date): string {
  const nanoseconds = String(time.getMilliseconds()).padStart(3, '0').padEnd(9, '0');
  return `${clock(time, 'T')}.${nanoseconds}${time.getTimezoneOffset() === 0 ? 'Z' : offset(time, ':')}`;
}

/** `2026-11-24T10:00:00+09:00`: local time, as `.CreatedAt` of a history. */
export function localRfc3339(time: Date | undefined): string {
  if (time === undefined) return zero.rfc3339;
  return `${clock(time, 'T')}${time.getTimezoneOffset() === 0 ? 'Z' : offset(time, ':')}`;
}

function clock(time: Date, between: string): string {
  const two = (part: number) => String(part).padStart(2, '0');
  const date = `${String(time.getFullYear()).padStart(4, '0')}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${date}${between}${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

function offset(time: Date, colon: string): string {
  const east = -time.getTimezoneOffset();
  const minutes = Math.abs(east);
  return `${east < 0 ? '-' : '+'}${String(Math.trunc(minutes / 60)).padStart(2, '0')}${colon}${String(minutes % 60).padStart(2, '0')}`;
}

/** The zone's short name; Go writes the offset where a zone has none, and Node does not know most of them. */
function zone(time: Date): string {
  const name =
    new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(time).find((part) => part.type === 'timeZoneName')?.value ??
    'UTC';
  if (!/^GMT[+-]/.test(name)) return name;
  return offset(time, '').replace(/00$/, '');
}
