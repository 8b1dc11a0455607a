/** One row of the table: what it says, and how it is judged. */

export interface Row {
  readonly name: string;
  /** What we are measured beside, and what our figure is divided by; without one the figure itself counts. */
  readonly peer?: string;
  readonly measured: string;
  readonly unit: 'ms' | 's' | 'MB' | 'MB/s' | 'req/s';
  /** What the project holds itself to; a row without one informs. */
  readonly limit?: { readonly atMost: number } | { readonly atLeast: number };
}

/** In the row's unit, one for each round: `theirs[n]` was measured right after `ours[n]`. */
export interface Samples {
  readonly ours: readonly number[];
  readonly theirs?: readonly number[];
}

export interface Figure {
  readonly row: Row;
  /** Median, smallest and largest over the rounds: of the ratio ours ÷ theirs in each, else of our figure. */
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly ours: number;
  readonly theirs?: number;
  /** Undefined where there is no limit. */
  readonly met?: boolean;
}

export function judge(row: Row, { ours, theirs }: Samples): Figure {
  const values = theirs ? ours.map((figure, round) => figure / (theirs[round] ?? Number.NaN)) : ours;
  const value = median(values);
  const { limit } = row;
  return {
    row,
    value,
    min: Math.min(...values),
    max: Math.max(...values),
    ours: median(ours),
    ...(theirs ? { theirs: median(theirs) } : {}),
    ...(limit ? { met: 'atMost' in limit ? value <= limit.atMost : value >= limit.atLeast } : {}),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}
