const space = /[ \t\r\n]/;
const simpleEscape = /["\\/bfnrt]/;
const hexDigit = /[0-9a-fA-F]/;

/**
 * What is wrong with a text that is no JSON, in the words of Go's decoder: they are what a client of docker prints and looks for.
 * @param atEnd for a text that ends too early
 * @param alone nothing may follow the document
 * @returns undefined where a document stands at the beginning
 */
export function jsonMistake(text: string, atEnd: string, alone = false): string | undefined {
  // Not by recursion: a text may be nothing but brackets.
  const open: ('{' | '[')[] = [];
  let expected: 'value' | 'element' | 'key' | 'first key' | 'colon' | 'more' = 'value';
  let at = 0;
  const wrong = (where: string): string => (at >= text.length ? atEnd : `invalid character ${quoted(text, at)} ${where}`);
  while (expected !== 'more' || open.length > 0) {
    while (space.test(text[at] ?? '')) at++;
    const character = text[at] ?? '';
    const inside = open.at(-1);
    if ((character === '}' && expected === 'first key') || (character === ']' && expected === 'element')) {
      open.pop();
      expected = 'more';
      at++;
    } else if (expected === 'value' || expected === 'element') {
      if (character === '{' || character === '[') {
        open.push(character);
        expected = character === '{' ? 'first key' : 'element';
        at++;
      } else {
        const token = readToken(text, at);
        at = token.end;
        if (token.wrong !== undefined) return wrong(token.wrong);
        expected = 'more';
      }
    } else if (expected === 'key' || expected === 'first key') {
      if (character !== '"') return wrong('looking for beginning of object key string');
      const token = readToken(text, at);
      at = token.end;
      if (token.wrong !== undefined) return wrong(token.wrong);
      expected = 'colon';
    } else if (expected === 'colon') {
      if (character !== ':') return wrong('after object key');
      expected = 'value';
      at++;
    } else {
      if (character === (inside === '{' ? '}' : ']')) open.pop();
      else if (character === ',') expected = inside === '{' ? 'key' : 'value';
      else return wrong(inside === '{' ? 'after object key:value pair' : 'after array element');
      at++;
    }
  }
  while (space.test(text[at] ?? '')) at++;
  return alone && at < text.length ? wrong('after top-level value') : undefined;
}

interface Token {
  /** Behind the token, or at what should not be in it. */
  readonly end: number;
  readonly wrong?: string;
}

function readToken(text: string, start: number): Token {
  const first = text[start] ?? '';
  if (first === '"') return readString(text, start + 1);
  if (/[-\d]/.test(first)) return readNumber(text, start);
  const literal = ['true', 'false', 'null'].find((word) => word.startsWith(first) && first !== '');
  if (literal === undefined) return { end: start, wrong: 'looking for beginning of value' };
  for (let at = 1; at < literal.length; at++)
    if (text[start + at] !== literal[at]) return { end: start + at, wrong: `in literal ${literal} (expecting '${literal[at]}')` };
  return { end: start + literal.length };
}

function readString(text: string, start: number): Token {
  for (let at = start; ; at++) {
    const character = text[at] ?? '';
    if (character === '"') return { end: at + 1 };
    if (character < ' ') return { end: at, wrong: 'in string literal' };
    if (character !== '\\') continue;
    at++;
    if (text[at] === 'u') {
      for (let digits = 0; digits < 4; digits++)
        if (!hexDigit.test(text[++at] ?? '')) return { end: at, wrong: 'in \\u hexadecimal character escape' };
    } else if (!simpleEscape.test(text[at] ?? '')) return { end: at, wrong: 'in string escape code' };
  }
}

function readNumber(text: string, start: number): Token {
  const isDigit = (at: number): boolean => /\d/.test(text[at] ?? '');
  let at = text[start] === '-' ? start + 1 : start;
  if (!isDigit(at)) return { end: at, wrong: 'in numeric literal' };
  if (text[at] === '0') at++;
  else while (isDigit(at)) at++;
  if (text[at] === '.') {
    if (!isDigit(++at)) return { end: at, wrong: 'after decimal point in numeric literal' };
    while (isDigit(at)) at++;
  }
  if (/[eE]/.test(text[at] ?? '')) {
    if (/[+-]/.test(text[++at] ?? '')) at++;
    if (!isDigit(at)) return { end: at, wrong: 'in exponent of numeric literal' };
    while (isDigit(at)) at++;
  }
  return { end: at };
}

function quoted(text: string, at: number): string {
  const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
  if (character === "'") return String.raw`'\''`;
  if (character === '"') return `'"'`;
  const plain = JSON.stringify(character).slice(1, -1);
  return `'${plain.replace(/^\\u00(..)$/, String.raw`\x$1`)}'`;
}

/** What Go says of a document that is JSON, and not an object. */
export function notAnObject(document: unknown, type: string): string {
  const kind = Array.isArray(document) ? 'array' : typeof document === 'boolean' ? 'bool' : typeof document;
  return `json: cannot unmarshal ${kind} into Go value of type ${type}`;
}
