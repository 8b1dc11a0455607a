import type { Row, Samples } from './figure.ts';
import type { Lab } from './lab.ts';

/** Rows that are measured together. */
export interface Bench {
  /** What the command line calls it. */
  readonly word: string;
  readonly rows: readonly Row[];
  /**
   * Samples for each row, in their order.
   * @throws Skipped where it cannot be measured here
   */
  measure(lab: Lab): Promise<readonly Samples[]>;
}
