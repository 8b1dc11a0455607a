import type { Timestamp } from '../formats/tar/entry.ts';

/** Seconds from 1601 to 1970, and FILETIME's units in a second. */
const epoch = 11_644_473_600;
const second = 10_000_000n;
const last = (1n << 64n) - 1n;

/** A FILETIME as a tar's time: exact. */
export function fromFiletime(time: bigint): Timestamp {
  return { seconds: Number(time / second) - epoch, nanoseconds: Number(time % second) * 100 };
}

/** The FILETIME at or before this; the first and the last one for what is before 1601 or after the year 60055. */
export function toFiletime({ seconds, nanoseconds }: Timestamp): bigint {
  const time = (BigInt(seconds) + BigInt(epoch)) * second + BigInt(Math.floor(nanoseconds / 100));
  return time < 0n ? 0n : time > last ? last : time;
}

/** False where `toFiletime` is another time. */
export function isFiletime({ seconds, nanoseconds }: Timestamp): boolean {
  return nanoseconds % 100 === 0 && seconds >= -epoch && seconds < Number(last / second) - epoch;
}
