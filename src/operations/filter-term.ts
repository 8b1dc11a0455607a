import { ImageError } from '../errors.ts';

/** One `key=value` of a filter, as a command line or a query gave it. */
export interface FilterTerm {
  readonly key: string;
  readonly value: string;
}

/** Refuses a key that is not among `keys`. @throws ImageError `invalid-argument`, with docker's text */
export function requireFilterKey(key: string, keys: readonly string[]): void {
  if (!keys.includes(key))
    throw new ImageError('invalid-argument', `invalid filter '${key}'`, { hint: `Filters here: ${keys.join(', ')}.` });
}

/** Docker's prunes of containers and networks take one end of time. @throws ImageError `invalid-argument`, with docker's text */
export function requireOneUntil(terms: readonly FilterTerm[]): void {
  if (terms.filter(({ key }) => key === 'until').length > 1)
    throw new ImageError('invalid-argument', 'more than one until filter specified');
}

/** Of `key`, `key=value`, or `key!=value`, which turns the term around, as docker's does. */
export function labelFilter(value: string): (labels: Readonly<Record<string, string>>) => boolean {
  const [, name = value, operator, text] = /^([^=!]*(?:![^=][^=!]*)*)(!?=)([\s\S]*)$/.exec(value) ?? [];
  const has = (labels: Readonly<Record<string, string>>) =>
    Object.hasOwn(labels, name) && (operator === undefined || labels[name] === text);
  return operator === '!=' ? (labels) => !has(labels) : has;
}

/** @throws ImageError `invalid-argument`, with docker's text */
function parseFilterBoolean(key: string, value: string): boolean {
  const known = new Map([
    ...['1', 't', 'true'].map((text) => [text, true] as const),
    ...['0', 'f', 'false'].map((text) => [text, false] as const),
  ]);
  const found = known.get(value.toLowerCase());
  if (found === undefined) throw new ImageError('invalid-argument', `invalid filter '${key}=[${value}]'`);
  return found;
}

/**
 * What the terms of a key that is a switch say; undefined where there is none.
 * @throws ImageError `invalid-argument` where they say both: docker refuses that, and a prune must not guess
 */
export function filterSwitch(terms: readonly FilterTerm[], key: string): boolean | undefined {
  const values = terms.filter((term) => term.key === key).map(({ value }) => value);
  const [said, ...more] = new Set(values.map((value) => parseFilterBoolean(key, value)));
  if (more.length > 0) throw new ImageError('invalid-argument', `invalid filter '${key}=[${values.toSorted().join(' ')}]'`);
  return said;
}

/** A time, RFC 3339, Unix seconds, or a Go duration back from `now`. @returns milliseconds since 1970 @throws ImageError `invalid-argument` */
export function parseFilterTime(text: string, now: Date): number {
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000;
  const units: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1e3, m: 60e3, h: 3600e3 };
  if (/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) {
    let back = 0;
    for (const [, count, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) back += Number(count) * (units[unit] ?? 0);
    return now.getTime() - back;
  }
  const time = /^\d{4}-\d{2}-\d{2}(?:T\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|[+-]\d{2}:\d{2})?)?$/.test(text)
    ? Date.parse(/T\d{2}$/.test(text) ? `${text}:00` : text.length === 10 ? `${text}T00:00:00` : text)
    : Number.NaN;
  if (Number.isNaN(time))
    throw new ImageError('invalid-argument', `failed to parse value as time or duration: ${JSON.stringify(text)}`, {
      hint: 'Write 2026-01-02T15:04:05Z, seconds since 1970, or how long ago: 10m, 1h30m.',
    });
  return time;
}

/** Characters of a name that a pattern is looked for in. */
const maxSearched = 256;

/** What a pattern may be that is found, or not found, in a bounded time: no group that is repeated, and few repetitions. Go's patterns need no such rule. */
function isTame(pattern: string): boolean {
  const plain = pattern.replace(/\\[^1-9]|\[(?:\\.|[^\]\\])*\]/g, 'x');
  return !/\)[*+?{]|\\[1-9k]/.test(plain) && (plain.match(/[*+{]/g) ?? []).length <= 3;
}

/** Docker's match: the text itself, or as a pattern that is found in it. @throws ImageError `invalid-argument` for a pattern that could take for ever */
export function patternTest(key: string, value: string): (text: string) => boolean {
  if (!isTame(value)) throw new ImageError('invalid-argument', `invalid filter '${key}=${value}': the pattern repeats too much`);
  let pattern: RegExp | undefined;
  try {
    pattern = new RegExp(value, 'u');
  } catch {
    // no pattern: only the text itself
  }
  return (text) => text === value || pattern?.test(text.slice(0, maxSearched)) === true;
}
