/** Between 1601-01-01 and 1970-01-01, in units of 100 ns. */
const epoch = 116_444_736_000_000_000n;

/** A FILETIME: units of 100 ns since 1601-01-01 UTC; the earliest there is for times before. @param nanoseconds since 1970-01-01 UTC */
export function fileTime(nanoseconds: bigint): bigint {
  // Towards the past, also of times before 1970.
  const remainder = ((nanoseconds % 100n) + 100n) % 100n;
  const time = (nanoseconds - remainder) / 100n + epoch;
  return time < 0n ? 0n : time;
}
