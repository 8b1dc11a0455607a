/**
 * Columns as docker's tables have them, which is Go's text/tabwriter with a cell of at least 10 and 3 spaces between.
 *
 * A cell is text that a tab ends. Cells one above the other on successive lines are a column and share a width; a line
 * with fewer cells ends it. What follows a line's last tab is no cell and is not padded.
 */

import { cellWidthFor, cutToWidth, type CellWidth } from '../../io/cell-width.ts';
import { printable } from '../../io/printable.ts';

const minimum = 10;
const padding = 3;

const ascii = /^[\x20-\x7e]*$/;

/** Aligns lines of tab-separated cells. */
export async function alignTabs(text: string): Promise<string> {
  const lines = text.split('\n').map((line) => line.split('\t'));
  return align(lines, await cellWidthFor(lines.flat()));
}

function align(lines: readonly (readonly string[])[], width: CellWidth): string {
  const output: string[] = lines.map(() => '');
  /** Lays out column after column of the lines from `from` to `to`, whose first `column` cells are done. */
  const layOut = (from: number, to: number, column: number): void => {
    for (let start = from; start < to; start++) {
      if ((lines[start]?.length ?? 0) - 1 <= column) continue;
      let end = start;
      let widest = minimum;
      for (; end < to; end++) {
        const cells = lines[end] ?? [];
        if (cells.length - 1 <= column) break;
        widest = Math.max(widest, width(cells[column] ?? '') + padding);
      }
      for (let line = start; line < end; line++) {
        const cell = lines[line]?.[column] ?? '';
        output[line] += cell + ' '.repeat(widest - width(cell));
      }
      layOut(start, end, column + 1);
      start = end;
    }
  };
  layOut(0, lines.length, 0);
  return output.map((line, index) => line + (lines[index]?.at(-1) ?? '')).join('\n');
}

/**
 * Rows under a header, ready to print. Control characters in a cell are shown as U+FFFD, since cells hold what strangers
 * wrote. With `columns`, the width of a terminal, the widest cells are cut until the lines fit.
 */
export async function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  options: { readonly columns?: number } = {},
): Promise<string> {
  // One look at a row, not at each of its cells: lists have thousands.
  const plain = rows.every((row) => ascii.test(row.join('')));
  const lines = [header, ...(plain ? rows : rows.map((row) => row.map(printable)))];
  const width = await cellWidthFor(plain ? header : lines.flat());
  return `${align(options.columns === undefined ? lines : fit(lines, options.columns, width), width)}\n`;
}

function fit(lines: readonly (readonly string[])[], columns: number, width: CellWidth): (readonly string[])[] {
  const last = Math.max(...lines.map((line) => line.length)) - 1;
  const widths = Array.from({ length: last + 1 }, (_, column) => Math.max(...lines.map((line) => width(line[column] ?? ''))));
  const total = () => widths.reduce((sum, cell, column) => sum + (column === last ? cell : Math.max(minimum, cell + padding)), 0);
  while (total() > columns) {
    const widest = widths.indexOf(Math.max(...widths));
    const now = widths[widest] ?? 0;
    if (now <= minimum) break;
    widths[widest] = Math.max(minimum, now - Math.max(1, total() - columns));
  }
  return lines.map((line) => line.map((cell, column) => cutToWidth(cell, widths[column] ?? 0, width)));
}
