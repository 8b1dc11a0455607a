/**
 * The values that a template sees, and what Go calls their types.
 *
 * Data is plain: strings, booleans, numbers, bigints, arrays, objects, functions, null. A whole number is an int, any other
 * a float64. An object is a `map[string]interface {}`, whose missing keys have no value, unless `goStruct` named its type:
 * then an unknown field is an error, as docker's own rows answer. Only own properties are fields, so nothing of a prototype
 * can be reached.
 */

/** A float64 whose number happens to be whole: `1.0` in a template's text. */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** What a field that is not there evaluates to: Go's zero reflect.Value. Null is a value, Go's nil. */
export type Value = unknown;

const structs = new WeakMap<object, string>();
const jsonForms = new WeakMap<object, object>();

/**
 * Gives an object a Go type, such as `*formatter.imageContext`: its fields are closed, and errors name the type. `json`, where given, is what the whole of it
 * becomes as JSON.
 */
export function goStruct<T extends object>(type: string, value: T, json?: object): T {
  structs.set(value, type);
  if (json !== undefined) jsonForms.set(value, json);
  return value;
}

/** The object that stands for a struct in JSON. */
export function jsonFormOf(struct: object): object {
  return jsonForms.get(struct) ?? struct;
}

const stringMaps = new WeakSet();

/** Makes an object Go's `map[string]string` for `index`: what is not there is empty text, not no value. */
export function goStringMap<T extends object>(value: T): T {
  stringMaps.add(value);
  return value;
}

/** What `index` gives for a key that a map may not have. */
export function elementOf(map: object, key: string): Value {
  return fieldOf(map, key) ?? (stringMaps.has(map) ? '' : undefined);
}

export type Kind = 'missing' | 'nil' | 'bool' | 'int' | 'float' | 'string' | 'slice' | 'map' | 'struct' | 'func';

export function kindOf(value: Value): Kind {
  switch (typeof value) {
    case 'undefined':
    case 'symbol':
      return 'missing';
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return Number.isInteger(value) ? 'int' : 'float';
    case 'string':
      return 'string';
    case 'function':
      return 'func';
    case 'object':
      if (value === null) return 'nil';
      if (Array.isArray(value)) return 'slice';
      if (value instanceof Float) return 'float';
      return structs.has(value) ? 'struct' : 'map';
  }
}

/** Go's name of a value's type. */
export function typeName(value: Value): string {
  switch (kindOf(value)) {
    case 'missing':
    case 'nil':
      return '<nil>';
    case 'bool':
      return 'bool';
    case 'int':
      return 'int';
    case 'float':
      return 'float64';
    case 'string':
      return 'string';
    case 'slice':
      return '[]interface {}';
    case 'map':
      return 'map[string]interface {}';
    case 'struct':
      return structs.get(value as object) ?? '';
    case 'func':
      return 'func';
  }
}

/** The number of a float, in either form. */
export function floatOf(value: Value): number {
  return value instanceof Float ? value.value : Number(value);
}

/** The value of a field, or undefined where the object has none of its own by that name. */
export function fieldOf(object: object, name: string): Value {
  return Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : undefined;
}

/** The keys of a map in the order in which Go prints and ranges over them: by their bytes. */
export function sortedKeys(map: object): string[] {
  return Object.keys(map).toSorted(compareStrings);
}

/** Compares by UTF-8 bytes, as Go does: by code point, where JavaScript compares code units. */
export function compareStrings(left: string, right: string): number {
  if (left === right) return 0;
  for (let index = 0; index < left.length && index < right.length; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a === b) continue;
    const surrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdfff;
    return surrogate(a) === surrogate(b) ? a - b : surrogate(a) ? 1 : -1;
  }
  return left.length - right.length;
}

/** Whether `if` and `with` take a value as true: not zero, not empty. */
export function isTrue(value: Value): boolean {
  switch (kindOf(value)) {
    case 'missing':
    case 'nil':
      return false;
    case 'bool':
      return value === true;
    case 'int':
      return BigInt(value as number | bigint) !== 0n;
    case 'float':
      return floatOf(value) !== 0;
    case 'string':
      return value !== '';
    case 'slice':
      return (value as unknown[]).length > 0;
    case 'map':
      return Object.keys(value as object).length > 0;
    case 'struct':
    case 'func':
      return true;
  }
}
