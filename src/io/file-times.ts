/**
 * Seconds since 1970 as Node's `utimes` and its like take them: a negative number means now to them, its digits do not.
 * Files of Windows often say 1601.
 */
export function utimeOf(seconds: number): number | string {
  return seconds < 0 ? String(seconds) : seconds;
}
