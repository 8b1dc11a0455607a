import { canonical, familiar, familiarName, repositoryName, type Reference } from '../model/reference.ts';
import { pathMatch } from '../model/path-match.ts';
import type { ImageRecord } from '../store/image-record.ts';
import type { ImageStore } from '../store/image-store.ts';
import { openPlatform } from './inspect.ts';
import { filterSwitch, labelFilter, parseFilterTime, requireFilterKey, type FilterTerm } from './filter-term.ts';

export type { FilterTerm } from './filter-term.ts';

type Test = (image: ImageRecord) => boolean;

/** The keys of `images`; a prune takes fewer. */
export const listKeys = ['dangling', 'label', 'label!', 'before', 'since', 'reference', 'until'] as const;
export const pruneKeys = ['dangling', 'label', 'label!', 'until'] as const;

/**
 * Makes docker's filter of its terms: several `reference` patterns are alternatives, everything else must hold together.
 * `before` and `since` name an image; times are RFC 3339, Unix seconds, or Go durations back from `now`.
 * @throws ImageError `invalid-argument`, with docker's texts; `not-found` for an image that `before` or `since` names
 */
export async function imageFilter(store: ImageStore, terms: readonly FilterTerm[], keys: readonly string[], now: Date): Promise<Test> {
  const tests: Test[] = [];
  const patterns: string[] = [];
  for (const { key, value } of terms) {
    requireFilterKey(key, keys);
    switch (key) {
      case 'dangling': {
        const wanted = filterSwitch(terms, key);
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
        const at = await timeOf(store, value);
        tests.push((image) => (key === 'before' ? createdAt(image) < at : createdAt(image) > at));
        break;
      }
      case 'until': {
        const end = parseFilterTime(value, now);
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
  return Math.max(0, ...(image?.platforms ?? []).map(({ created }) => parseTime(created)));
}

/** When what a name means was created: an image of the list, one platform in it, or what only a repository shows. */
async function timeOf(store: ImageStore, name: string): Promise<number> {
  const { target, root } = await store.find(name);
  const image = await store.image(root.digest);
  if (!image) return parseTime((await openPlatform({ store }, name, target, {})).config?.created);
  const platform = image.platforms.find(({ manifest }) => manifest.digest === target.digest);
  return platform ? parseTime(platform.created) : createdAt(image);
}

function parseTime(created: string | undefined): number {
  return (created === undefined ? 0 : Date.parse(created)) || 0;
}

/** Docker matches a pattern against the short name and the whole one, each with and without its tag. */
export function matchesReference(pattern: string, reference: Reference): boolean {
  return [familiar(reference), familiarName(reference), canonical(reference), repositoryName(reference)].some((name) =>
    pathMatch(pattern, name),
  );
}

function labelTest(value: string): Test {
  const matches = labelFilter(value);
  return value.includes('!=')
    ? (image) => image.platforms.every(({ labels }) => matches(labels))
    : (image) => image.platforms.some(({ labels }) => matches(labels));
}
