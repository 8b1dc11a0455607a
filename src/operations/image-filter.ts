import { ImageError } from '../errors.ts';
import { canonical, familiar, familiarName, repositoryName, type Reference } from '../model/reference.ts';
import { pathMatch } from '../model/path-match.ts';
import type { ImageRecord } from '../store/image-record.ts';
import type { ImageStore } from '../store/image-store.ts';

/** One `key=value` of a filter, as a command line or a query gave it. */
export interface FilterTerm {
  readonly key: string;
  readonly value: string;
}

type Test = (image: ImageRecord) => boolean;

/** The keys of `images`; a prune takes fewer. */
export const listKeys = ['dangling', 'label', 'label!', 'before', 'since', 'reference', 'until'] as const;
export const pruneKeys = ['dangling', 'label', 'label!', 'until'] as const;

/**
 * Makes docker's filter of its terms: several `reference` patterns are alternatives, everything else must hold together.
 * `before` and `since` name an image; times are RFC 3339, Unix seconds, or Go durations back from `now`.
 * @throws ImageError `invalid-argument`, with docker's texts; `not-found` for an image that `before` or `since` names
 */
export async function imageFilter(
  store: Pick<ImageStore, 'find' | 'image'>,
  terms: readonly FilterTerm[],
  keys: readonly string[],
  now: Date,
): Promise<Test> {
  const tests: Test[] = [];
  const patterns: string[] = [];
  for (const { key, value } of terms) {
    if (!keys.includes(key))
      throw new ImageError('invalid-argument', `invalid filter '${key}'`, { hint: `Filters here: ${keys.join(', ')}.` });
    switch (key) {
      case 'dangling': {
        const wanted = parseBoolean(key, value);
        tests.push((image) => isDangling(image) === wanted);
        break;
      }
      case 'label':
        tests.push(labelTest(value));
        break;
      case 'label!': {
        const has = labelTest(value);
        tests.push((image) => !has(image));
        break;
      }
      case 'before':
      case 'since': {
        const at = createdAt(await store.image((await store.find(value)).target.digest));
        tests.push((image) => (key === 'before' ? createdAt(image) < at : createdAt(image) > at));
        break;
      }
      case 'until': {
        const end = parseTime(value, now);
        tests.push((image) => createdAt(image) < end);
        break;
      }
      default:
        pathMatch(value, ''); // a pattern that is none is refused even where there is nothing to match
        patterns.push(value);
    }
  }
  if (patterns.length > 0)
    tests.push((image) => image.names.some(({ reference }) => patterns.some((pattern) => matchesReference(pattern, reference))));
  return tests.length === 0 ? () => true : (image) => tests.every((test) => test(image));
}

/** True for an image that no name points at. */
export function isDangling(image: ImageRecord): boolean {
  return image.names.length === 0;
}

/** Milliseconds since 1970; an image that does not say is the oldest. */
export function createdAt(image: ImageRecord | undefined): number {
  let newest = 0;
  for (const { created } of image?.platforms ?? []) {
    const time = created === undefined ? 0 : Date.parse(created);
    if (time > newest) newest = time;
  }
  return newest;
}

/** Docker matches a pattern against the short name and the whole one, each with and without its tag. */
export function matchesReference(pattern: string, reference: Reference): boolean {
  return [familiar(reference), familiarName(reference), canonical(reference), repositoryName(reference)].some((name) =>
    pathMatch(pattern, name),
  );
}

function labelTest(value: string): Test {
  // `key!=value` turns the term around, as docker's does.
  const [, name = value, operator, text] = /^([^=!]*(?:![^=][^=!]*)*)(!?=)([\s\S]*)$/.exec(value) ?? [];
  const has = (image: ImageRecord) =>
    image.platforms.some(({ labels }) => Object.hasOwn(labels, name) && (operator === undefined || labels[name] === text));
  return operator === '!=' ? (image) => !has(image) : has;
}

function parseBoolean(key: string, value: string): boolean {
  const known = new Map([
    ...['1', 't', 'true'].map((text) => [text, true] as const),
    ...['0', 'f', 'false'].map((text) => [text, false] as const),
  ]);
  const found = known.get(value.toLowerCase());
  if (found === undefined) throw new ImageError('invalid-argument', `invalid filter '${key}=[${value}]'`);
  return found;
}

/** @returns milliseconds since 1970 */
function parseTime(text: string, now: Date): number {
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
