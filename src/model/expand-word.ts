import { ImageError } from '../errors.ts';

export interface ExpandWordOptions {
  /** What variables are: `NAME=value`, the first of a name holds. */
  readonly env: readonly string[];
  /** Whether names of variables are the same in any case, and a backslash is a separator of paths and escapes nothing. */
  readonly windows?: boolean | undefined;
}

/**
 * One word of a Dockerfile, as its own shell reads it: quotes and escapes are taken off, `$NAME`, `${NAME}`, `${NAME:-word}` and `${NAME:+word}` (also without the colon) are replaced.
 * Single quotes keep everything as it is. A variable that is not there is nothing.
 * @throws ImageError `invalid-argument` for a quote or a brace that is never closed, and for other modifiers
 */
export function expandWord(text: string, options: ExpandWordOptions): string {
  const refuse = (why: string) => new ImageError('invalid-argument', `failed to process ${JSON.stringify(text)}: ${why}`);
  const ends = (what: string) => refuse(`unexpected end of statement while looking for matching ${what}`);
  const named = (name: string) =>
    options.env.find((entry) => sameName(entry.slice(0, Math.max(0, entry.indexOf('='))), name, options))?.slice(name.length + 1);
  let at = 0;

  /** Up to `stop`, which is not taken, or to the end. */
  const read = (stop: string): string => {
    let out = '';
    while (at < text.length && text[at] !== stop) {
      const letter = text[at++] ?? '';
      if (letter === '$') out += dollar();
      else if (letter === '\\' && !options.windows) out += text[at++] ?? '\\';
      else if (letter === "'") {
        const end = text.indexOf("'", at);
        if (end < 0) throw ends('single-quote');
        out += text.slice(at, end);
        at = end + 1;
      } else if (letter === '"') out += quoted();
      else out += letter;
    }
    return out;
  };

  const quoted = (): string => {
    let out = '';
    for (;;) {
      if (at >= text.length) throw ends('double-quote');
      const letter = text[at++] ?? '';
      if (letter === '"') return out;
      if (letter === '$') out += dollar();
      else if (letter === '\\' && /["$\\]/.test(text[at] ?? '')) out += text[at++];
      else out += letter;
    }
  };

  const dollar = (): string => {
    const rest = text.slice(at);
    const [plain] = /^(?:[A-Za-z_]\w*|[0-9@*#])/.exec(rest) ?? [];
    if (plain !== undefined) {
      at += plain.length;
      return named(plain) ?? '';
    }
    const [opening, name = '', colon = '', modifier = ''] = /^\{(\w+)(:?)([-+}]?)/.exec(rest) ?? [];
    if (opening === undefined) {
      if (rest.startsWith('{')) throw refuse('syntax error: bad substitution');
      return '$';
    }
    at += opening.length;
    const value = named(name);
    if (modifier === '}' && colon === '') return value ?? '';
    if (modifier !== '-' && modifier !== '+')
      throw at < text.length
        ? refuse(`unsupported modifier (${colon}${text[at] ?? ''}) in substitution`)
        : refuse("syntax error: missing '}'");
    const word = read('}');
    if (text[at++] !== '}') throw refuse("syntax error: missing '}'");
    const isThere = value !== undefined && !(colon === ':' && value === '');
    if (modifier === '+') return isThere ? word : '';
    return isThere ? value : word;
  };

  return read('');
}

function sameName(left: string, right: string, { windows }: ExpandWordOptions): boolean {
  return left === right || (windows === true && left.toLowerCase() === right.toLowerCase());
}
