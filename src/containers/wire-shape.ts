import { ImageError } from '../errors.ts';

/**
 * Documents of docker's wire, which are Go structs: which keys there are, in which order, what each is, and its zero value.
 * A `?` after a kind is Go's `omitempty`: the key is left out where the value is zero.
 */
export type Shape =
  | Scalar
  | `${Scalar}?`
  | { readonly fields: Fields; readonly omit?: true; readonly pointer?: true }
  | { readonly list: Shape; readonly omit?: true }
  | { readonly map: Shape; readonly omit?: true };

/** `*` is a pointer: null where it is not given. `strings` may be null too, as Go's slices and maps; `command` is a list, or one text that is a list of one. */
type Scalar = 'string' | 'boolean' | 'integer' | 'boolean*' | 'integer*' | 'strings' | 'command' | 'labels' | 'set' | 'any';

export type Fields = Readonly<Record<string, Shape>>;

interface Scalars {
  readonly string: string;
  readonly boolean: boolean;
  readonly integer: number;
  readonly 'boolean*': boolean | null;
  readonly 'integer*': number | null;
  readonly strings: readonly string[] | null;
  readonly command: readonly string[] | null;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly set: Readonly<Record<string, object>> | null;
  readonly any: unknown;
}

type Value<S> = S extends keyof Scalars
  ? Scalars[S]
  : S extends `${infer Name extends keyof Scalars}?`
    ? Scalars[Name] | undefined
    : S extends { readonly fields: infer F extends Fields }
      ? S extends { readonly omit: true }
        ? Struct<F> | undefined
        : S extends { readonly pointer: true }
          ? Struct<F> | null
          : Struct<F>
      : S extends { readonly list: infer Item }
        ? readonly Value<Item>[] | (S extends { readonly omit: true } ? undefined : null)
        : S extends { readonly map: infer Item }
          ? Readonly<Record<string, Value<Item>>> | (S extends { readonly omit: true } ? undefined : null)
          : never;

/** What a document of these fields is once it has been read: every key that Go would print, in its order. */
export type Struct<F extends Fields> = { readonly [Key in keyof F]: Value<F[Key]> };

/**
 * Reads JSON as Go's decoder does: keys in any case, unknown ones passed over, null is the zero value; a value of another kind is refused with Go's text.
 * @param path what messages call it: `UpdateConfig`, `.HostConfig`; '' for the document itself
 * @throws ImageError `invalid-argument`
 */
export function readFields<const F extends Fields>(fields: F, value: unknown, path: string): Struct<F> {
  return readRecord(fields, value, path) as Struct<F>;
}

function readRecord(fields: Fields, value: unknown, path: string): Readonly<Record<string, unknown>> {
  const given = value ?? {};
  if (!isRecord(given)) throw mismatch(given, path, 'object');
  const byName = new Map(Object.entries(given).map(([key, one]) => [key.toLowerCase(), one]));
  const read: Record<string, unknown> = {};
  for (const [key, shape] of Object.entries(fields)) {
    const one = readShape(shape, byName.get(key.toLowerCase()), `${path}.${key}`);
    if (one !== undefined) read[key] = one;
  }
  return read;
}

function readShape(shape: Shape, value: unknown, path: string): unknown {
  if (typeof shape === 'string') {
    const optional = shape.endsWith('?');
    const kind = (optional ? shape.slice(0, -1) : shape) as Scalar;
    const read = readScalar(kind, value, path);
    // A pointer's zero is null: one to 0 or false was said.
    return optional && (kind.endsWith('*') ? read === null : isZero(read)) ? undefined : read;
  }
  if (value === null || value === undefined) {
    if (shape.omit) return undefined;
    return 'fields' in shape && !shape.pointer ? readRecord(shape.fields, {}, path) : null;
  }
  if ('fields' in shape) return readRecord(shape.fields, value, path);
  if ('list' in shape) {
    if (!Array.isArray(value)) throw mismatch(value, path, 'list');
    if (value.length === 0 && shape.omit) return undefined;
    return value.map((item) => readShape(shape.list, item, path));
  }
  if (!isRecord(value)) throw mismatch(value, path, 'map');
  const entries = Object.entries(value);
  if (entries.length === 0 && shape.omit) return undefined;
  return mapOf(entries.map(([key, item]) => [key, readShape(shape.map, item, path)]));
}

function readScalar(kind: Scalar, value: unknown, path: string): unknown {
  const missing = value === null || value === undefined;
  switch (kind) {
    case 'string':
      if (missing) return '';
      if (typeof value !== 'string') throw mismatch(value, path, 'string');
      return value;
    case 'boolean':
    case 'boolean*':
      if (missing) return kind === 'boolean' ? false : null;
      if (typeof value !== 'boolean') throw mismatch(value, path, 'bool');
      return value;
    case 'integer':
    case 'integer*':
      if (missing) return kind === 'integer' ? 0 : null;
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw mismatch(value, path, 'int64');
      return value;
    case 'command':
      if (typeof value === 'string') return [value];
      // Docker's own reader tries a text last, and knows of no field.
      if (!missing && !(Array.isArray(value) && value.every((item) => item === null || typeof item === 'string')))
        throw refusal(`cannot unmarshal ${goKind(value)} into Go value of type string`, path);
      return readStrings(value, path);
    case 'strings':
      return readStrings(value, path);
    case 'labels':
      if (missing) return null;
      if (!isRecord(value)) throw mismatch(value, path, 'map[string]string');
      return mapOf(Object.entries(value).map(([key, text]) => [key, readScalar('string', text, path)]));
    case 'set':
      if (missing) return null;
      if (!isRecord(value)) throw mismatch(value, path, 'map[string]struct {}');
      return mapOf(
        Object.entries(value).map(([key, item]) => {
          if (item !== null && !isRecord(item)) throw mismatch(item, path, 'struct {}');
          return [key, {}];
        }),
      );
    case 'any':
      return value ?? null;
  }
}

function readStrings(value: unknown, path: string): readonly string[] | null {
  if (value === null || value === undefined) return null;
  if (!Array.isArray(value)) throw mismatch(value, path, '[]string');
  return value.map((item) => readScalar('string', item, path) as string);
}

function isZero(value: unknown): boolean {
  if (value === null || value === '' || value === 0 || value === false) return true;
  return Array.isArray(value) ? value.length === 0 : typeof value === 'object' && Object.keys(value).length === 0;
}

/** A map whose keys strangers chose: `__proto__` is one like any other. Keys in Go's order, which sorts them. */
function mapOf<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  const map: Record<string, T> = {};
  for (const [key, value] of entries.toSorted(([left], [right]) => (left < right ? -1 : 1)))
    Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
  return map;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mismatch(value: unknown, path: string, wanted: string): ImageError {
  // A number that is one, and no whole one or too large, Go shows.
  const found = typeof value === 'number' && wanted === 'int64' ? `number ${value}` : goKind(value);
  return refusal(`cannot unmarshal ${found} into Go struct field ${path} of type ${wanted}`, path);
}

function refusal(why: string, field: string): ImageError {
  return new ImageError('invalid-argument', `invalid JSON: json: ${why}`, { detail: { field } });
}

function goKind(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
}
