import type { Figure, Row } from './figure.ts';

/** A measured row, or why it was not measured. */
export type Outcome = Figure | { readonly row: Row; readonly skipped: string } | { readonly row: Row; readonly failed: string };

const titles = ['', 'beside', 'measured', 'ratio', 'min – max', 'limit', 'ours', 'theirs', 'verdict'];
const right = new Set([3, 4, 5, 6, 7]);

/** A Markdown table that reads as it stands. */
export function table(outcomes: readonly Outcome[]): string {
  const rows = [titles, ...outcomes.map(cells)];
  const widths = titles.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (right.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join(' | ')} |\n`;
  const rule = `|${widths.map((width, column) => (right.has(column) ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|\n`;
  const [head = [], ...body] = rows;
  return line(head) + rule + body.map(line).join('');
}

function cells(outcome: Outcome): string[] {
  const { row } = outcome;
  const limit = row.limit === undefined ? '' : 'atMost' in row.limit ? `≤ ${row.limit.atMost}` : `≥ ${row.limit.atLeast}`;
  const unit = row.peer === undefined && limit !== '' ? ` ${row.unit}` : '';
  const named = [row.name, row.peer ?? '', row.measured];
  if (!('value' in outcome)) {
    const verdict = 'skipped' in outcome ? `skipped: ${outcome.skipped}` : `FAILED: ${outcome.failed}`;
    return [...named, '', '', limit + unit, '', '', verdict];
  }
  const { value, min, max, ours, theirs, met } = outcome;
  const figure = (number: number) => `${short(number)} ${row.unit}`;
  const ratio = theirs === undefined ? '' : short(value);
  const verdict = met === undefined ? '' : met ? 'met' : 'MISSED';
  return [
    ...named,
    ratio,
    `${short(min)} – ${short(max)}`,
    limit + unit,
    figure(ours),
    theirs === undefined ? '' : figure(theirs),
    verdict,
  ];
}

function short(number: number): string {
  return number >= 100 ? number.toFixed(0) : number >= 10 ? number.toFixed(1) : number.toFixed(2);
}
