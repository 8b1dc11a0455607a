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
  if (!isObject(document)) throw invalid();
  const terms: FilterTerm[] = [];
  for (const [key, given] of Object.entries(document)) {
    const values = Array.isArray(given) ? given : isObject(given) ? Object.keys(given) : undefined;
    if (values === undefined) throw invalid();
    for (const value of values) {
      if (typeof value !== 'string') throw invalid();
      terms.push({ key, value });
    }
  }
  return terms;
}
