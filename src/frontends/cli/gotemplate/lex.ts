/**
 * The words of a Go template (text/template): plain text, and between `{{` and `}}` an action's items.
 *
 * `{{-` and `-}}` (a space on their inner side) take the white space of the text beside them; `{{/* … *\/}}` is a comment.
 * A space between items is an item, since `.a.b` is one operand and `.a .b` are two. A text that cannot be read ends with an
 * `error` item, whose value is Go's sentence.
 */

import { goQuote } from './printf.ts';

export type ItemType =
  | 'text'
  | 'left'
  | 'right'
  | 'space'
  | 'declare' // :=
  | 'assign' // =
  | 'pipe'
  | 'leftParen'
  | 'rightParen'
  | 'string'
  | 'rawString'
  | 'charConstant'
  | 'number'
  | 'complex'
  | 'variable'
  | 'field'
  | 'identifier'
  | 'bool'
  | 'char'
  | 'dot'
  | 'nil'
  | Keyword
  | 'eof'
  | 'error';

type Keyword = 'block' | 'break' | 'continue' | 'define' | 'else' | 'end' | 'if' | 'range' | 'template' | 'with';

export const keywords: ReadonlySet<string> = new Set<Keyword>([
  'block',
  'break',
  'continue',
  'define',
  'else',
  'end',
  'if',
  'range',
  'template',
  'with',
]);

export interface Item {
  readonly type: ItemType;
  readonly value: string;
  /** Where it begins, as an index into the template's text. */
  readonly at: number;
  readonly line: number;
}

const isSpace = (unit: string | undefined) => unit === ' ' || unit === '\t' || unit === '\r' || unit === '\n';
const isAlphanumeric = (rune: string) => /^[_\p{L}\p{Nd}]$/u.test(rune);

/** All items of a template; the last is `eof` or `error`. */
export function lex(text: string): Item[] {
  const items: Item[] = [];
  let line = 1;
  let at = 0;
  const emit = (type: ItemType, end: number, value = text.slice(at, end)) => {
    items.push({ type, value, at, line });
    for (let index = text.indexOf('\n', at); index >= 0 && index < end; index = text.indexOf('\n', index + 1)) line++;
    at = end;
  };
  const skip = (end: number) => {
    for (let index = text.indexOf('\n', at); index >= 0 && index < end; index = text.indexOf('\n', index + 1)) line++;
    at = end;
  };
  /** The length of a right delimiter at a place, its trim mark included; 0 where there is none. */
  const rightDelimiter = (place: number) =>
    text.startsWith('}}', place) ? 2 : isSpace(text[place]) && text.startsWith('-}}', place + 1) ? 4 : 0;
  const skipLeadingSpace = () => {
    let end = at;
    while (isSpace(text[end])) end++;
    skip(end);
  };

  for (;;) {
    const open = text.indexOf('{{', at);
    if (open < 0) {
      if (at < text.length) emit('text', text.length);
      emit('eof', text.length, '');
      return items;
    }
    const trimmed = text[open + 2] === '-' && isSpace(text[open + 3]);
    let end = open;
    if (trimmed) while (end > at && isSpace(text[end - 1])) end--;
    if (end > at) emit('text', end);
    skip(open);
    const inside = open + (trimmed ? 4 : 2);
    if (text.startsWith('/*', inside)) {
      const close = text.indexOf('*/', inside + 2);
      if (close < 0) {
        emit('error', text.length, 'unclosed comment');
        return items;
      }
      const length = rightDelimiter(close + 2);
      if (length === 0) {
        emit('error', text.length, 'comment ends before closing delimiter');
        return items;
      }
      skip(close + 2 + length);
      if (length === 4) skipLeadingSpace();
      continue;
    }
    emit('left', open + 2);
    skip(inside);
    const failure = lexAction(text, () => at, emit, rightDelimiter);
    if (failure !== undefined) {
      emit('error', text.length, failure);
      return items;
    }
    const length = rightDelimiter(at);
    emit('right', at + length, '}}');
    if (length === 4) skipLeadingSpace();
  }
}

/** Emits the items of one action, up to its right delimiter. Returns Go's sentence for what cannot be read. */
function lexAction(
  text: string,
  place: () => number,
  emit: (type: ItemType, end: number) => void,
  rightDelimiter: (place: number) => number,
): string | undefined {
  let parens = 0;
  const runeAt = (index: number) => {
    const code = text.codePointAt(index);
    return code === undefined ? '' : String.fromCodePoint(code);
  };
  const word = (start: number) => {
    let end = start;
    for (let rune = runeAt(end); rune !== '' && isAlphanumeric(rune); rune = runeAt(end)) end += rune.length;
    return end;
  };
  const terminated = (index: number) =>
    index >= text.length || isSpace(text[index]) || '.,|:)('.includes(text[index] ?? '') || text.startsWith('}}', index);
  const badCharacter = (index: number) => `bad character ${unicode(runeAt(index))}`;

  for (;;) {
    const at = place();
    const rune = runeAt(at);
    if (rightDelimiter(at) > 0) {
      if (parens > 0) return 'unclosed left paren';
      return undefined;
    }
    if (rune === '') return 'unclosed action';
    if (isSpace(rune)) {
      let end = at;
      while (isSpace(text[end]) && rightDelimiter(end) === 0) end++;
      emit('space', end);
    } else if (rune === '=') emit('assign', at + 1);
    else if (rune === ':') {
      if (text[at + 1] !== '=') return 'expected :=';
      emit('declare', at + 2);
    } else if (rune === '|') emit('pipe', at + 1);
    else if (rune === '"' || rune === "'") {
      let end = at + 1;
      for (; text[end] !== rune; end++) {
        if (text[end] === '\\' && text[end + 1] !== '\n') end++;
        if (end >= text.length || text[end] === '\n')
          return rune === '"' ? 'unterminated quoted string' : 'unterminated character constant';
      }
      emit(rune === '"' ? 'string' : 'charConstant', end + 1);
    } else if (rune === '`') {
      const end = text.indexOf('`', at + 1);
      if (end < 0) return 'unterminated raw quoted string';
      emit('rawString', end + 1);
    } else if (rune === '$') {
      const end = word(at + 1);
      if (!terminated(end)) return badCharacter(end);
      emit('variable', end);
    } else if (rune === '.' && !/[0-9]/.test(text[at + 1] ?? '0')) {
      const end = word(at + 1);
      if (!terminated(end)) return badCharacter(end);
      emit(end === at + 1 ? 'dot' : 'field', end);
    } else if (/[+\-.0-9]/.test(rune)) {
      const end = scanNumber(text, at);
      const second = text[end] === '+' || text[end] === '-' ? scanNumber(text, end) : undefined;
      const stop = second ?? end;
      const next = runeAt(stop);
      const bad = next !== '' && isAlphanumeric(next);
      if (bad || (second !== undefined && text[second - 1] !== 'i'))
        return `bad number syntax: ${goQuote(text.slice(at, bad ? stop + next.length : stop))}`;
      emit(second === undefined ? 'number' : 'complex', stop);
    } else if (isAlphanumeric(rune)) {
      const end = word(at);
      if (!terminated(end)) return badCharacter(end);
      const found = text.slice(at, end);
      if (keywords.has(found)) emit(found as Keyword, end);
      else if (found === 'nil') emit('nil', end);
      else emit(found === 'true' || found === 'false' ? 'bool' : 'identifier', end);
    } else if (rune === '(') {
      parens++;
      emit('leftParen', at + 1);
    } else if (rune === ')') {
      if (--parens < 0) return 'unexpected right paren';
      emit('rightParen', at + 1);
    } else if (rune > '\u001f' && rune < '\u007f') emit('char', at + 1);
    else return `unrecognized character in action: ${unicode(rune)}`;
  }
}

/** The end of what looks like a number: Go's accept lists, not its grammar; the parser judges it. */
function scanNumber(text: string, start: number): number {
  let at = start;
  const accept = (units: string) => {
    const unit = text[at];
    if (unit === undefined || !units.includes(unit)) return false;
    at++;
    return true;
  };
  const run = (units: string) => {
    while (accept(units));
  };
  accept('+-');
  let digits = '0123456789_';
  let radix = 10;
  if (accept('0')) {
    if (accept('xX')) [digits, radix] = ['0123456789abcdefABCDEF_', 16];
    else if (accept('oO')) [digits, radix] = ['01234567_', 8];
    else if (accept('bB')) [digits, radix] = ['01_', 2];
  }
  run(digits);
  if (accept('.')) run(digits);
  if (radix === 10 && accept('eE')) {
    accept('+-');
    run('0123456789_');
  }
  if (radix === 16 && accept('pP')) {
    accept('+-');
    run('0123456789_');
  }
  accept('i');
  return at;
}

/** Go's `%#U`: `U+0023 '#'`. */
function unicode(rune: string): string {
  const code = (rune.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(rune) ? `U+${code} '${rune}'` : `U+${code}`;
}
