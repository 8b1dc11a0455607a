/** Go's literals, as they stand in a template: strings, runes and numbers. */

import { goQuote } from './printf.ts';
import { Float } from './values.ts';

/** The number of a literal: a whole one as number or bigint, else a Float; or Go's sentence on what is wrong with it. */
export function readNumber(literal: string): number | bigint | Float | string {
  const illegal = `illegal number syntax: ${goQuote(literal)}`;
  if (literal.startsWith("'")) {
    const [rune, ...others] = unquote(literal) ?? '';
    return rune === undefined || others.length > 0 ? `malformed character constant: ${literal}` : (rune.codePointAt(0) ?? 0);
  }
  if (literal.endsWith('i')) return illegal;
  const sign = literal.startsWith('-') ? -1n : 1n;
  const digits = literal.replace(/^[+-]/, '');
  // An underscore stands between digits, or between a base's prefix and its digits.
  const marks = /^0[xX]/.test(digits) ? /__|_$|^_|_\.|\._|_[pP]|[pP][+-]?_/ : /__|_$|^_|_\.|\._|_[eE]|[eE][+-]?_/;
  if (marks.test(digits)) return illegal;
  const clean = digits.replaceAll('_', '');
  if (/^(0[xX][\da-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9]\d*)$/.test(clean)) {
    const whole = BigInt(/^0[0-7]+$/.test(clean) ? `0o${clean.slice(1)}` : clean) * sign;
    if (whole >= 1n << 64n || whole < -(1n << 63n)) return `integer overflow: ${goQuote(literal)}`;
    return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;
  }
  if (/^0\d+$/.test(clean)) return `integer overflow: ${goQuote(literal)}`;
  const hex = /^0[xX]([\da-fA-F]*)\.?([\da-fA-F]*)[pP]([+-]?\d+)$/.exec(clean);
  const [, whole = '', fraction = '', exponent = ''] = hex ?? [];
  const decimal = /^(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(clean) ? Number(clean) : NaN;
  const float = hex === null ? decimal : Number(`0x${whole}${fraction}`) * 2 ** (Number(exponent) - 4 * fraction.length);
  return Number.isFinite(float) ? new Float(float * Number(sign)) : illegal;
}

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\u000b',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/** Go's strconv.Unquote: undefined for what is no string literal. */
export function unquote(literal: string): string | undefined {
  const quote = literal[0] ?? '';
  const inside = literal.slice(1, -1);
  if (quote === '`') return inside.replaceAll('\r', '');
  const bytes: Buffer[] = [];
  for (let index = 0; index < inside.length;) {
    const unit = inside[index] ?? '';
    if (unit !== '\\') {
      const rune = String.fromCodePoint(inside.codePointAt(index) ?? 0);
      bytes.push(Buffer.from(rune));
      index += rune.length;
      continue;
    }
    const escape = inside[index + 1] ?? '';
    const simple = simpleEscapes[escape];
    if (simple !== undefined) {
      if ((escape === "'" || escape === '"') && escape !== quote) return undefined;
      bytes.push(Buffer.from(simple));
      index += 2;
      continue;
    }
    const numeric = /^\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3}))/.exec(inside.slice(index, index + 10));
    if (numeric === null) return undefined;
    const [whole, byte, short, long, octal] = numeric;
    const code = octal === undefined ? parseInt(byte ?? short ?? long ?? '', 16) : parseInt(octal, 8);
    if (octal !== undefined && code > 255) return undefined;
    if (byte === undefined && octal === undefined && (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))) return undefined;
    bytes.push(byte !== undefined || octal !== undefined ? Buffer.from([code]) : Buffer.from(String.fromCodePoint(code)));
    index += whole.length;
  }
  return Buffer.concat(bytes).toString();
}
