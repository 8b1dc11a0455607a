import { ImageError } from '../../errors.ts';
import { isObject } from '../../model/descriptor.ts';
import type { FilterTerm } from '../../operations/filter-term.ts';

/**
 * Reads `?filters=`: `{"label":{"a=b":true}}`, as docker's client writes it, or the older `{"label":["a=b"]}`, as SDKs do. Nothing, and an empty text, is no filter.
 * @throws ImageError `invalid-argument`
 */
export function parseFilters(text: string | undefined): readonly FilterTerm[] {
  if (text === undefined || text === '') return [];
  const invalid = (cause?: unknown): ImageError => new ImageError('invalid-argument', 'invalid filter', { cause });
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw invalid(cause);
  }
  if (document === null) return [];
  if (!isObject(document)) throw invalid();
  const terms: FilterTerm[] = [];
  for (const [key, given] of Object.entries(document)) {
    const values = Array.isArray(given) ? given : given === null ? [] : isObject(given) ? namesOf(given) : undefined;
    if (values === undefined) throw invalid();
    if (values.length === 0 && switches.has(key)) throw new ImageError('invalid-argument', `invalid filter '${key}'`);
    for (const value of values) {
      if (typeof value !== 'string') throw invalid();
      terms.push({ key, value });
    }
  }
  return terms;
}

/** The keys that are on or off: named, each must say which. */
const switches: ReadonlySet<string> = new Set(['dangling', 'all', 'is-task']);

/** Undefined where one of them is not marked by a boolean. What the mark says changes nothing, as in docker. */
function namesOf(marked: Readonly<Record<string, unknown>>): readonly string[] | undefined {
  return Object.values(marked).every((mark) => typeof mark === 'boolean') ? Object.keys(marked) : undefined;
}
