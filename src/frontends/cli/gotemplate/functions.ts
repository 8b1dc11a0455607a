/** The functions that a template can call: Go's own, and docker's beside them. A function's complaint is thrown as a CallError. */

import { sprint, sprintf, sprintln } from './printf.ts';
import { compareStrings, elementOf, floatOf, isTrue, jsonFormOf, kindOf, typeName, type Kind, type Value } from './values.ts';

/** What a function says against its arguments; the execution adds where. */
export class CallError extends Error {
  override readonly name = 'CallError';
}

/** A function, and what it takes: the type of each parameter, the last for all further ones if `variadic`. */
export interface Callable {
  readonly parameters: readonly Parameter[];
  readonly variadic?: boolean;
  call(values: readonly Value[]): Value;
}

export type Parameter = 'any' | 'string' | 'int' | '[]string';

export type Functions = ReadonlyMap<string, Callable>;

/** `and` and `or` are here by name only: they evaluate no more arguments than they need, so the execution knows them. */
const go: Readonly<Record<string, Callable>> = {
  and: { parameters: ['any'], variadic: true, call: (values) => values.find((value) => !isTrue(value)) ?? values.at(-1) },
  or: { parameters: ['any'], variadic: true, call: (values) => values.find(isTrue) ?? values.at(-1) },
  not: { parameters: ['any'], call: ([value]) => !isTrue(value) },
  call: {
    parameters: ['any'],
    variadic: true,
    call: ([callee, ...values]) => {
      if (callee === undefined || callee === null) throw new CallError('call of nil');
      if (typeof callee !== 'function') throw new CallError(`non-function of type ${typeName(callee)}`);
      return callValue(callee, values);
    },
  },
  html: { parameters: ['any'], variadic: true, call: (values) => escapeHtml(textOf(values)) },
  js: { parameters: ['any'], variadic: true, call: (values) => escapeJs(textOf(values)) },
  urlquery: { parameters: ['any'], variadic: true, call: (values) => queryEscape(textOf(values)) },
  print: { parameters: ['any'], variadic: true, call: sprint },
  println: { parameters: ['any'], variadic: true, call: sprintln },
  printf: { parameters: ['string', 'any'], variadic: true, call: ([layout, ...values]) => sprintf(String(layout), values) },
  len: { parameters: ['any'], call: ([value]) => length(value) },
  index: { parameters: ['any', 'any'], variadic: true, call: ([item, ...indexes]) => indexes.reduce(indexOnce, nonNil(item, 'index')) },
  slice: { parameters: ['any', 'any'], variadic: true, call: ([item, ...indexes]) => slice(item, indexes) },
  eq: {
    parameters: ['any', 'any'],
    variadic: true,
    call: ([first, ...others]) => {
      if (others.length === 0) throw new CallError('missing argument for comparison');
      return others.some((other) => equal(first, other));
    },
  },
  ne: { parameters: ['any', 'any'], call: ([left, right]) => !equal(left, right) },
  lt: { parameters: ['any', 'any'], call: ([left, right]) => less(left, right) },
  le: { parameters: ['any', 'any'], call: ([left, right]) => less(left, right) || equal(left, right) },
  gt: { parameters: ['any', 'any'], call: ([left, right]) => !(less(left, right) || equal(left, right)) },
  ge: { parameters: ['any', 'any'], call: ([left, right]) => !less(left, right) },
};

const docker: Readonly<Record<string, Callable>> = {
  json: { parameters: ['any'], call: ([value]) => goJson(value) },
  split: {
    parameters: ['string', 'string'],
    call: ([text, separator]) => (separator === '' ? [...String(text)] : String(text).split(String(separator))),
  },
  join: { parameters: ['[]string', 'string'], call: ([list, separator]) => (list as readonly string[]).join(String(separator)) },
  title: {
    parameters: ['string'],
    // A word begins after what is no letter, digit or underscore, or (beyond ASCII) after a space: Go's strings.Title.
    call: ([text]) => String(text).replace(/(?<=^|[\u0000-\u002f:-@[-^`{-\u007f]|\s)\p{L}/gu, (letter) => letter.toUpperCase()),
  },
  lower: { parameters: ['string'], call: ([text]) => String(text).toLowerCase() },
  upper: { parameters: ['string'], call: ([text]) => String(text).toUpperCase() },
  pad: {
    parameters: ['string', 'int', 'int'],
    call: ([text, before, after]) => (text === '' ? '' : spaces(before) + String(text) + spaces(after)),
  },
  truncate: { parameters: ['string', 'int'], call: ([text, bytes]) => truncate(String(text), Number(bytes)) },
};

/** For the header of a table, the functions that would change a value leave its title alone. */
const same: Callable['call'] = ([text]) => text;
const header: Readonly<Record<string, Callable>> = {
  json: { parameters: ['string'], call: same },
  title: { parameters: ['string'], call: same },
  lower: { parameters: ['string'], call: same },
  upper: { parameters: ['string'], call: same },
  truncate: { parameters: ['string', 'int'], call: same },
};

export const functions: Functions = new Map(Object.entries({ ...go, ...docker }));
export const headerFunctions: Functions = new Map([...functions, ...Object.entries(header)]);

/** Calls a function that is part of the data. What it throws becomes the template's error. */
export function callValue(callee: (...values: never[]) => unknown, values: readonly Value[]): Value;
export function callValue(callee: unknown, values: readonly Value[]): Value;
export function callValue(callee: unknown, values: readonly Value[]): Value {
  if (typeof callee !== 'function') throw new CallError(`non-function of type ${typeName(callee)}`);
  try {
    return Reflect.apply(callee, undefined, values);
  } catch (error) {
    throw new CallError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function spaces(count: Value): string {
  const number = Number(count);
  if (number < 0) throw new CallError('strings: negative Repeat count');
  if (number > 1_000_000) throw new CallError('strings: Repeat output length overflow');
  return ' '.repeat(number);
}

/** Docker cuts at a byte; ours never cuts a character in two. */
function truncate(text: string, bytes: number): string {
  if (bytes < 0) throw new CallError(`slice bounds out of range [:${bytes}]`);
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return text;
  let end = bytes;
  while (end > 0 && ((encoded[end] ?? 0) & 0xc0) === 0x80) end--;
  return encoded.toString('utf8', 0, end);
}

function textOf(values: readonly Value[]): string {
  const [first] = values;
  return values.length === 1 && typeof first === 'string' ? first : sprint(values.map((value) => value ?? '<no value>'));
}

const htmlEscapes: Readonly<Record<string, string>> = {
  '\0': '\ufffd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
};

function escapeHtml(text: string): string {
  return text.replace(/[\0"'&<>]/g, (character) => htmlEscapes[character] ?? character);
}

const jsEscapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
};

function escapeJs(text: string): string {
  return text.replace(/[\\'"<>&=\u0000-\u001f]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (character) => {
    const escape = jsEscapes[character];
    if (escape !== undefined) return escape;
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
  });
}

/** Go's url.QueryEscape: all but letters, digits and `-_.~`; a space is a plus. */
function queryEscape(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}

function length(value: Value): number {
  switch (kindOf(value)) {
    case 'missing':
      throw new CallError('reflect: call of reflect.Value.Type on zero Value');
    case 'nil':
      throw new CallError('len of nil pointer');
    case 'string':
      return Buffer.byteLength(String(value));
    case 'slice':
      return (value as unknown[]).length;
    case 'map':
      return Object.keys(value as object).length;
    default:
      throw new CallError(`len of type ${typeName(value)}`);
  }
}

function nonNil(value: Value, what: string): Value {
  if (value === null || value === undefined) throw new CallError(`${what} of untyped nil`);
  return value;
}

function indexOnce(item: Value, index: Value): Value {
  switch (kindOf(nonNil(item, 'index'))) {
    case 'slice':
      return (item as unknown[])[checkIndex(index, (item as unknown[]).length)];
    case 'string': {
      const bytes = Buffer.from(String(item));
      return bytes[checkIndex(index, bytes.length)];
    }
    case 'map':
      if (index === null || index === undefined) throw new CallError('value is nil; should be of type string');
      if (typeof index !== 'string') throw new CallError(`value has type ${typeName(index)}; should be string`);
      return elementOf(item as object, index);
    default:
      throw new CallError(`can't index item of type ${typeName(item)}`);
  }
}

/** An index into something of `size`; `inclusive` where its end is one too. */
function checkIndex(index: Value, size: number, inclusive = false): number {
  if (index === null || index === undefined) throw new CallError('cannot index slice/array with nil');
  if (kindOf(index) !== 'int') throw new CallError(`cannot index slice/array with type ${typeName(index)}`);
  const place = Number(index);
  if (place < 0 || (inclusive ? place > size : place >= size)) throw new CallError(`index out of range: ${place}`);
  return place;
}

function slice(item: Value, indexes: readonly Value[]): Value {
  nonNil(item, 'slice');
  if (indexes.length > 3) throw new CallError(`too many slice indexes: ${indexes.length}`);
  const kind = kindOf(item);
  if (kind !== 'string' && kind !== 'slice') throw new CallError(`can't slice item of type ${typeName(item)}`);
  if (kind === 'string' && indexes.length === 3) throw new CallError('cannot 3-index slice a string');
  const whole = kind === 'string' ? Buffer.from(String(item)) : (item as unknown[]);
  const places = indexes.map((index) => checkIndex(index, whole.length, true));
  const [from = 0, to = whole.length, capacity = whole.length] = places;
  if (from > to) throw new CallError(`invalid slice index: ${from} > ${to}`);
  if (to > capacity) throw new CallError(`invalid slice index: ${to} > ${capacity}`);
  return whole instanceof Buffer ? whole.toString('utf8', from, to) : whole.slice(from, to);
}

/** What can be compared by `lt`, and by `eq` without looking further. */
const basic: ReadonlySet<Kind> = new Set<Kind>(['bool', 'int', 'float', 'string']);

function equal(left: Value, right: Value): boolean {
  const kinds = [kindOf(left), kindOf(right)] as const;
  const [one, other] = kinds.map((kind) => (basic.has(kind) ? kind : undefined));
  const absent = (value: Value) => value === null || value === undefined;
  if (one !== other) {
    if (absent(left) || absent(right)) return false;
    throw incompatible(left, right);
  }
  if (one === 'int') return BigInt(left as number | bigint) === BigInt(right as number | bigint);
  if (one === 'float') return floatOf(left) === floatOf(right);
  if (one !== undefined) return left === right;
  if (absent(left) || absent(right)) return absent(left) && absent(right);
  if (kinds[0] !== kinds[1])
    throw new CallError(sprintf('non-comparable types %s: %s, %s: %v', [left, typeName(left), typeName(right), right]));
  if (kinds[1] !== 'struct') throw new CallError(sprintf('non-comparable type %s: %s', [right, typeName(right)]));
  return left === right;
}

function less(left: Value, right: Value): boolean {
  for (const value of [left, right]) if (!basic.has(kindOf(value))) throw new CallError('invalid type for comparison');
  const kind = kindOf(left);
  if (kind !== kindOf(right)) throw incompatible(left, right);
  switch (kind) {
    case 'int':
      return BigInt(left as number | bigint) < BigInt(right as number | bigint);
    case 'float':
      return floatOf(left) < floatOf(right);
    case 'string':
      return compareStrings(String(left), String(right)) < 0;
    default:
      throw new CallError('invalid type for comparison');
  }
}

function incompatible(left: Value, right: Value): CallError {
  return new CallError(`incompatible types for comparison: ${typeName(left)} and ${typeName(right)}`);
}

/**
 * JSON as docker's `json` writes it: keys in the order of the object. A row of a list is a Go struct that writes itself,
 * as a map: its keys are sorted and its text carries Go's escapes for HTML.
 */
function goJson(value: Value): string {
  if (kindOf(value) === 'struct') {
    const row = jsonFormOf(value as object) as Record<string, unknown>;
    const sorted = Object.keys(row)
      .toSorted(compareStrings)
      .map((key) => [key, row[key]]);
    return encode(Object.fromEntries(sorted)).replace(/[<>&]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
  }
  return encode(value);
}

function encode(value: Value): string {
  // A bigint is a number in Go's JSON; JSON.rawJSON is newer than the oldest Node we run on.
  const marks: string[] = [];
  const mark = '\ufdd0bigint ';
  const text = JSON.stringify(value, (_, item: unknown) => {
    if (typeof item === 'bigint') return mark + (marks.push(item.toString()) - 1);
    return kindOf(item) === 'float' ? floatOf(item) : item;
  });
  if (text === undefined) return 'null';
  const numbered =
    marks.length === 0 ? text : text.replace(new RegExp(`"${mark}(\\d+)"`, 'g'), (whole, index: string) => marks[Number(index)] ?? whole);
  return numbered.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}
