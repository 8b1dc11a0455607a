/** Go's formatted printing, `fmt`: Sprint, Sprintln and Sprintf with its verbs, flags and error words, for a template's values. */

import { toExponential, toFixed } from '../rounding.ts';
import { floatOf, kindOf, sortedKeys, typeName, type Value } from './values.ts';

/** Width and precision beyond this are refused, as Go refuses them. */
const limit = 1_000_000;

interface Flags {
  plus: boolean;
  minus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  width: number | undefined;
  precision: number | undefined;
}

const plain: Flags = { plus: false, minus: false, sharp: false, space: false, zero: false, width: undefined, precision: undefined };

/** Spaces between operands where neither is a string. */
export function sprint(values: readonly Value[]): string {
  return values
    .map((value, index) => {
      const space = index > 0 && typeof value !== 'string' && typeof values[index - 1] !== 'string';
      return (space ? ' ' : '') + format(value, 'v', plain);
    })
    .join('');
}

/** Spaces between all operands, a newline after them. */
export function sprintln(values: readonly Value[]): string {
  return `${values.map((value) => format(value, 'v', plain)).join(' ')}\n`;
}

/** Never throws: what does not fit is said in the text, as `%!d(string=x)`. */
export function sprintf(layout: string, values: readonly Value[]): string {
  let output = '';
  let next = 0;
  let reordered = false;
  for (let index = 0; index < layout.length;) {
    const percent = layout.indexOf('%', index);
    if (percent < 0) {
      output += layout.slice(index);
      break;
    }
    output += layout.slice(index, percent);
    index = percent + 1;

    const flags = { ...plain };
    for (; index < layout.length; index++) {
      const flag = layout[index];
      if (flag === '+') flags.plus = true;
      else if (flag === '-') flags.minus = true;
      else if (flag === '#') flags.sharp = true;
      else if (flag === ' ') flags.space = true;
      else if (flag === '0') flags.zero = true;
      else break;
    }
    if (flags.minus) flags.zero = false;

    let goodIndex = true;
    let afterIndex = false;
    const argumentIndex = () => {
      afterIndex = false;
      if (layout[index] !== '[') return;
      reordered = true;
      const match = /^\[(\d+)\]/.exec(layout.slice(index, index + 12));
      const close = layout.indexOf(']', index);
      index = close < 0 ? index + 1 : close + 1;
      const wanted = match === null ? 0 : Number(match[1]);
      if (wanted < 1 || wanted > values.length) {
        goodIndex = false;
        return;
      }
      next = wanted - 1;
      afterIndex = true;
    };
    const number = (): number | undefined => {
      const digits = /^\d+/.exec(layout.slice(index, index + 20))?.[0];
      if (digits === undefined) return undefined;
      index += digits.length;
      return Number(digits) > limit ? undefined : Number(digits);
    };
    const star = (): number | undefined => {
      index++;
      const value = values[next++];
      afterIndex = false;
      return kindOf(value) === 'int' && Math.abs(Number(value)) <= limit ? Number(value) : undefined;
    };

    argumentIndex();
    if (layout[index] === '*') {
      const width = star();
      if (width === undefined) output += '%!(BADWIDTH)';
      else flags.width = Math.abs(width);
      if (width !== undefined && width < 0) {
        flags.minus = true;
        flags.zero = false;
      }
    } else {
      flags.width = number();
      if (afterIndex && flags.width !== undefined) goodIndex = false;
    }
    if (layout[index] === '.') {
      index++;
      if (afterIndex) goodIndex = false;
      argumentIndex();
      if (layout[index] === '*') {
        const precision = star();
        if (precision === undefined) output += '%!(BADPREC)';
        else if (precision >= 0) flags.precision = precision;
      } else flags.precision = number() ?? 0;
    }
    if (!afterIndex) argumentIndex();
    if (index >= layout.length) {
      output += '%!(NOVERB)';
      break;
    }
    const verb = String.fromCodePoint(layout.codePointAt(index) ?? 0);
    index += verb.length;
    if (verb === '%') output += '%';
    else if (!goodIndex) output += `%!${verb}(BADINDEX)`;
    else if (next >= values.length) output += `%!${verb}(MISSING)`;
    else output += format(values[next++], verb, verb === 'v' ? { ...flags, plus: false } : flags);
  }
  if (!reordered && next < values.length) {
    const extra = values
      .slice(next)
      .map((value) => (kindOf(value) === 'nil' || value === undefined ? '<nil>' : `${typeName(value)}=${format(value, 'v', plain)}`));
    output += `%!(EXTRA ${extra.join(', ')})`;
  }
  return output;
}

/** One value by one verb. */
function format(value: Value, verb: string, flags: Flags): string {
  const kind = kindOf(value);
  if (verb === 'T') return pad(typeName(value), flags);
  if (kind === 'nil' || kind === 'missing') return verb === 'v' ? pad('<nil>', flags) : `%!${verb}(<nil>)`;
  switch (kind) {
    case 'bool':
      return verb === 't' || verb === 'v' ? pad(String(value), flags) : wrong(value, verb);
    case 'string':
      return formatString(String(value), verb, flags) ?? wrong(value, verb);
    case 'int':
      return formatInteger(BigInt(value as number | bigint), verb, flags) ?? wrong(value, verb);
    case 'float':
      return formatFloat(floatOf(value), verb, flags) ?? wrong(value, verb);
    case 'slice':
      return formatSlice(value as readonly unknown[], verb, flags);
    case 'map': {
      const entries = sortedKeys(value as object).map(
        (key) => `${format(key, verb, flags)}:${format((value as Record<string, unknown>)[key], verb, flags)}`,
      );
      return `map[${entries.join(' ')}]`;
    }
    case 'struct':
      return `{${Object.values(value as object)
        .map((field) => format(field, verb, flags))
        .join(' ')}}`;
    case 'func':
      return wrong('func', verb);
  }
}

function formatSlice(values: readonly unknown[], verb: string, flags: Flags): string {
  return `[${values.map((value) => format(value, verb, flags)).join(' ')}]`;
}

function wrong(value: Value, verb: string): string {
  return `%!${verb}(${typeName(value)}=${format(value, 'v', plain)})`;
}

function pad(text: string, flags: Flags): string {
  if (flags.width === undefined) return text;
  const missing = flags.width - [...text].length;
  if (missing <= 0) return text;
  return flags.minus ? text + ' '.repeat(missing) : (flags.zero ? '0' : ' ').repeat(missing) + text;
}

function formatString(text: string, verb: string, flags: Flags): string | undefined {
  const cut = flags.precision === undefined ? text : [...text].slice(0, flags.precision).join('');
  switch (verb) {
    case 'v':
      return pad(flags.sharp ? goQuote(cut) : cut, flags);
    case 's':
      return pad(cut, flags);
    case 'q':
      return pad(flags.sharp && !/[`\u0000-\u0008\u000a-\u001f\u007f\ufeff]/.test(cut) ? `\`${cut}\`` : goQuote(cut, flags.plus), flags);
    case 'x':
    case 'X': {
      const bytes = Buffer.from(text).subarray(0, flags.precision);
      const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0'));
      const prefix = flags.sharp && digits.length > 0 ? '0x' : '';
      const hex = flags.space ? digits.map((pair) => prefix + pair).join(' ') : prefix + digits.join('');
      return pad(verb === 'X' ? hex.toUpperCase() : hex, flags);
    }
    default:
      return undefined;
  }
}

const radixes: Readonly<Record<string, readonly [number, string]>> = {
  d: [10, ''],
  v: [10, ''],
  b: [2, '0b'],
  o: [8, '0'],
  O: [8, '0o'],
  x: [16, '0x'],
  X: [16, '0X'],
};

function formatInteger(value: bigint, verb: string, flags: Flags): string | undefined {
  const rune =
    value >= 0n && value <= 0x10ffffn && !(value >= 0xd800n && value <= 0xdfffn) ? String.fromCodePoint(Number(value)) : '\ufffd';
  if (verb === 'c') return pad(rune, flags);
  if (verb === 'q') return pad(goQuoteRune(rune, flags.plus), flags);
  if (verb === 'U') {
    const code = `U+${value
      .toString(16)
      .toUpperCase()
      .padStart(Math.max(4, flags.precision ?? 0), '0')}`;
    return pad(flags.sharp ? `${code} '${rune}'` : code, { ...flags, zero: false });
  }
  const [radix, prefix] = radixes[verb] ?? [];
  if (radix === undefined || prefix === undefined) return undefined;
  const negative = value < 0n;
  let digits = (negative ? -value : value).toString(radix);
  if (verb === 'X') digits = digits.toUpperCase();
  const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  if (flags.precision !== undefined) digits = flags.precision === 0 && value === 0n ? '' : digits.padStart(flags.precision, '0');
  else if (flags.zero && flags.width !== undefined) digits = digits.padStart(flags.width - sign.length, '0');
  if (flags.precision === 0 && value === 0n) return pad('', { ...flags, zero: false });
  const lead = verb === 'O' || (flags.sharp && !(verb === 'o' && digits.startsWith('0'))) ? prefix : '';
  return pad(sign + lead + digits, { ...flags, zero: false });
}

function formatFloat(value: number, verb: string, flags: Flags): string | undefined {
  const style = verb === 'v' ? 'g' : verb === 'F' ? 'f' : verb;
  if (!['e', 'E', 'f', 'g', 'G'].includes(style)) return undefined;
  const negative = value < 0 || Object.is(value, -0);
  const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  const size = Math.abs(value);
  const finite = Number.isFinite(size);
  let digits = Number.isNaN(value)
    ? 'NaN'
    : finite
      ? floatDigits(size, style, flags.precision)
      : flags.plus || sign !== ''
        ? 'Inf'
        : '+Inf';
  if (finite && flags.zero && flags.width !== undefined) digits = digits.padStart(flags.width - sign.length, '0');
  return pad(sign + digits, { ...flags, zero: false });
}

function floatDigits(size: number, style: string, precision: number | undefined): string {
  const exponent = (text: string) => text.replace(/e([+-])(\d)$/, 'e$10$2');
  const upper = (text: string) => (style === 'E' || style === 'G' ? text.toUpperCase() : text);
  // JavaScript gives about 100 digits after the point; a binary fraction has no more that matter, the rest are zeros or beyond any use.
  const places = Math.min(precision ?? 6, 99);
  if (style === 'f') return fixed(size, places) + '0'.repeat(Math.max(0, (precision ?? 6) - 99));
  if (style === 'e' || style === 'E') return upper(exponent(toExponential(size, places + 1)));
  const shortest = precision === undefined;
  const significant = shortest ? undefined : Math.max(1, Math.min(precision, 100));
  const [mantissa = '0', power = '0'] = (significant === undefined ? size.toExponential() : toExponential(size, significant)).split('e');
  const trimmed = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  const count = trimmed.replace('.', '').length;
  const at = Number(power);
  let threshold = significant ?? 6;
  if (!shortest && threshold > count && count >= at + 1) threshold = count;
  if (at < -4 || at >= threshold) return upper(`${trimmed}e${at < 0 ? '-' : '+'}${String(Math.abs(at)).padStart(2, '0')}`);
  const all = trimmed.replace('.', '');
  if (at < 0) return `0.${'0'.repeat(-at - 1)}${all}`;
  return all.length <= at + 1 ? all.padEnd(at + 1, '0') : `${all.slice(0, at + 1)}.${all.slice(at + 1)}`;
}

/** Number.toFixed changes to an exponent from 1e21 on. */
function fixed(size: number, places: number): string {
  return size < 1e21 ? toFixed(size, places) : BigInt(size).toString() + (places > 0 ? `.${'0'.repeat(places)}` : '');
}

const escapes: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\u000b': '\\v',
  '\\': '\\\\',
};

function escapeRune(rune: string, quote: string, ascii: boolean): string {
  const escape = rune === quote ? `\\${quote}` : escapes[rune];
  if (escape !== undefined) return escape;
  const code = rune.codePointAt(0) ?? 0;
  if (ascii ? code >= 0x20 && code < 0x7f : /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(rune)) return rune;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code >= 0xd800 && code <= 0xdfff) return ascii ? '\\ufffd' : '\ufffd';
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}

/** Go's `%q`: double quotes, and escapes for what cannot be printed. */
export function goQuote(text: string, ascii = false): string {
  return `"${[...text].map((rune) => escapeRune(rune, '"', ascii)).join('')}"`;
}

function goQuoteRune(rune: string, ascii: boolean): string {
  return `'${escapeRune(rune, "'", ascii)}'`;
}
