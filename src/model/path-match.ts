import { ImageError } from '../errors.ts';

/**
 * Go's `path.Match`, which docker's `reference` filter uses: `*` and `?` stop at `/`, `[a-z]` and `[^a-z]` are sets, `\` takes the next character as it is.
 * Time is bounded by pattern × name: a star is tried again only from the last one on.
 * @throws ImageError `invalid-argument` for a pattern that is not one
 */
export function pathMatch(pattern: string, name: string): boolean {
  const tokens = parsePattern(pattern);
  let at = 0;
  let token = 0;
  let star: { token: number; at: number } | undefined;
  while (at < name.length || token < tokens.length) {
    const test = tokens[token];
    if (test === '*') {
      star = { token, at };
      token++;
      continue;
    }
    const character = name[at];
    if (test !== undefined && character !== undefined && test(character)) {
      token++;
      at++;
      continue;
    }
    // Let the last star take one more character, if it may.
    const taken = star === undefined ? undefined : name[star.at];
    if (star === undefined || taken === undefined || taken === '/') return false;
    star.at++;
    at = star.at;
    token = star.token + 1;
  }
  return true;
}

type Token = '*' | ((character: string) => boolean);

function parsePattern(pattern: string): readonly Token[] {
  const refuse = (): never => {
    throw new ImageError('invalid-argument', `syntax error in pattern ${JSON.stringify(pattern)}`);
  };
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] as string;
    if (character === '*') tokens.push('*');
    else if (character === '?') tokens.push((other) => other !== '/');
    else if (character === '\\') {
      const next = pattern[++at] ?? refuse();
      tokens.push((other) => other === next);
    } else if (character === '[') {
      const negated = pattern[at + 1] === '^';
      if (negated) at++;
      const ranges: [string, string][] = [];
      const one = (): string => {
        const escaped = pattern[at + 1] === '\\';
        if (escaped) at++;
        const found = pattern[++at] ?? refuse();
        return !escaped && (found === ']' || found === '-') ? refuse() : found;
      };
      do {
        const low = one();
        let high = low;
        if (pattern[at + 1] === '-') {
          at++;
          high = one();
        }
        ranges.push([low, high]);
      } while (pattern[at + 1] !== ']');
      at++;
      tokens.push((other) => other !== '/' && ranges.some(([low, high]) => other >= low && other <= high) !== negated);
    } else tokens.push((other) => other === character);
  }
  return tokens;
}
