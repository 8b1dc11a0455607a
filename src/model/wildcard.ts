import { ImageError } from '../errors.ts';

/** One letter of a pattern: a star, or a test of a character in small letters. */
type Token = '*' | ((character: string) => boolean);

/** True where PowerShell would read it as a pattern. */
export function hasWildcard(text: string): boolean {
  return /[*?[]/.test(text.replaceAll(/`[^]/g, ''));
}

/**
 * PowerShell's `-like`, whatever the case: `*`, `?`, `[a-z]`; a backtick takes the next character as it is.
 * Time is bounded by pattern × text: a star is tried again only from the last one on.
 * @throws ImageError `invalid-argument` for a set that has no end
 */
export function wildcard(pattern: string): (text: string) => boolean {
  const tokens = parse(pattern);
  return (text) => matches(tokens, [...text.toLowerCase()]);
}

function matches(tokens: readonly Token[], text: readonly string[]): boolean {
  let at = 0;
  let token = 0;
  let star: { readonly token: number; at: number } | undefined;
  while (at < text.length || token < tokens.length) {
    const test = tokens[token];
    const character = text[at];
    if (test === '*') star = { token: token++, at };
    else if (test !== undefined && character !== undefined && test(character)) {
      token++;
      at++;
    } else if (star !== undefined && star.at < text.length) {
      at = ++star.at;
      token = star.token + 1;
    } else return false;
  }
  return true;
}

function parse(pattern: string): readonly Token[] {
  const letters = [...pattern.toLowerCase()];
  const tokens: Token[] = [];
  for (let at = 0; at < letters.length; at++) {
    const letter = letters[at] ?? '';
    if (letter === '*') {
      if (tokens.at(-1) !== '*') tokens.push('*');
    } else if (letter === '?') tokens.push(() => true);
    else if (letter === '[') {
      const end = letters.indexOf(']', at + 2);
      if (end < 0)
        throw new ImageError('invalid-argument', `The specified wildcard character pattern is not valid: ${pattern.slice(0, 160)}`, {
          hint: 'A set ends with ]. A backtick before [ takes it as it is.',
        });
      tokens.push(set(letters.slice(at + 1, end)));
      at = end;
    } else {
      const literal = letter === '`' && at + 1 < letters.length ? (letters[++at] ?? '') : letter;
      tokens.push((character) => character === literal);
    }
  }
  return tokens;
}

function set(letters: readonly string[]): (character: string) => boolean {
  const ranges: [from: string, to: string][] = [];
  for (let at = 0; at < letters.length; at++) {
    const from = letters[at] ?? '';
    const to = letters[at + 1] === '-' ? letters[at + 2] : undefined;
    ranges.push([from, to ?? from]);
    if (to !== undefined) at += 2;
  }
  return (character) => ranges.some(([from, to]) => character >= from && character <= to);
}
