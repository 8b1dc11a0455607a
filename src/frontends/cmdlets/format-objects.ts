import { cellWidthFor, type CellWidth } from '../../io/cell-width.ts';
import { printable } from '../../io/printable.ts';
import { valueText, type CmdletObject } from './cmdlet-object.ts';
import { views, type View } from './views.ts';

/** Cells between columns. */
const gap = 1;
/** More properties than these make a list, where no view says it otherwise. */
const mostColumns = 4;

/**
 * Objects of one type as PowerShell's Out-Default writes them: a blank line, a table, a blank line; or a list.
 * @param columns the terminal's width; undefined for a reader that is none: then no cell is cut
 */
export async function formatObjects(objects: readonly CmdletObject[], columns?: number): Promise<string> {
  const [first] = objects;
  if (!first) return '';
  const view = views.find(({ typeName }) => typeName === first.typeName);
  const names = Object.keys(first.properties);
  if (!view && names.length > mostColumns) return formatList(objects, names);
  const shown = view?.columns ?? names.map((property) => ({ property }));
  return formatTable(shown, objects, columns);
}

async function formatTable(shown: View['columns'], objects: readonly CmdletObject[], columns: number | undefined): Promise<string> {
  const header = shown.map(({ property, header: title }) => title ?? property);
  const rows = objects.map(({ properties }) =>
    shown.map(({ property }) => printable(valueText(properties[property]).replace(/[\r\n].*/s, ''))),
  );
  const width = await cellWidthFor([...header, ...rows.flat()]);
  const widths = shown.map(({ width: fixed }, at) => {
    const widest = rows.reduce((most, row) => Math.max(most, width(row[at] ?? '')), width(header[at] ?? ''));
    return fixed === undefined ? widest : columns === undefined ? Math.max(fixed, widest) : fixed;
  });
  if (columns !== undefined) fit(widths, columns - 1);
  const lines = [header, header.map((label, at) => '-'.repeat(Math.min(width(label), widths[at] ?? 0))), ...rows];
  const text = lines.map((line) =>
    widths
      .map((cells, at) => cell(line[at] ?? '', cells, width))
      .join(' '.repeat(gap))
      .trimEnd(),
  );
  return `\n${text.join('\n')}\n\n`;
}

/** Narrows the last column, and leaves it out where nothing of it would be seen; and so on to the left. */
function fit(widths: number[], columns: number): void {
  const total = () => widths.reduce((sum, width) => sum + width + gap, -gap);
  while (widths.length > 1 && total() > columns) {
    const last = (widths.at(-1) ?? 0) - (total() - columns);
    if (last >= 1) widths[widths.length - 1] = last;
    else widths.pop();
  }
  if (widths.length === 1) widths[0] = Math.min(widths[0] ?? 0, Math.max(1, columns));
}

/** A text in a cell, with `...` where it does not fit. */
function cell(text: string, cells: number, width: CellWidth): string {
  const wide = width(text);
  if (wide <= cells) return text + ' '.repeat(cells - wide);
  const dots = cells > 3 ? '...' : '';
  let kept = '';
  let room = cells - dots.length;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (width(segment) > room) break;
    room -= width(segment);
    kept += segment;
  }
  return kept + dots + ' '.repeat(room);
}

function formatList(objects: readonly CmdletObject[], names: readonly string[]): string {
  const longest = Math.max(...names.map((name) => name.length));
  const blocks = objects.map(({ properties }) =>
    names.map((name) => `${name.padEnd(longest)} : ${printable(valueText(properties[name]))}`.trimEnd()).join('\n'),
  );
  return `\n${blocks.join('\n\n')}\n\n`;
}
