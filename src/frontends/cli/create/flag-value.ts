import { ImageError, isImageError } from '../../../errors.ts';
import { usageError } from '../usage.ts';

/** A flag's value that is none. @throws a usage error, as pflag's */
export function valueOf<T>(shown: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    if (!isImageError(error, 'invalid-argument')) throw error;
    throw usageError(`invalid argument ${JSON.stringify(text)} for "${shown}" flag: ${error.message}`);
  }
}

export function refuse(message: string): ImageError {
  return new ImageError('invalid-argument', message);
}

export const optional = <T>(text: string | undefined, none: T, parse: (text: string) => T): T => (text === undefined ? none : parse(text));

export function orNull<T>(items: readonly T[]): readonly T[] | null {
  return items.length > 0 ? items : null;
}
