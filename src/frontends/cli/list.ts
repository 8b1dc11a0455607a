/**
 * A list as docker's `--format` gives it: nothing or `table` for the command's own table, `table TEMPLATE` for one with
 * titles, `json` for an object a line, `raw` where the command has it, and any other template for a text a row.
 */

import { alignTabs, table } from './table.ts';

/** A field that templates can name: its column's title (one for each argument, where it takes one), and its value for a row. */
export interface Field<Row> {
  readonly title: string | ((argument: string) => string);
  value(row: Row): unknown;
  /** Its value where the whole row is printed as JSON, if that is another. */
  json?(row: Row): unknown;
  /** What the command's own table shows where the value is empty. */
  readonly empty?: string;
}

export interface ListOptions<Row, Name extends string> {
  /** The user's `--format`. */
  readonly format: string | undefined;
  /** All fields, by docker's names. */
  readonly fields: Readonly<Record<Name, Field<Row>>>;
  /** The columns of the command's own table. */
  readonly columns: readonly Name[];
  /** Docker's type of a row, which messages name: `*formatter.imageContext`. */
  readonly type: string;
  /** The template of `--format raw`, where there is one. */
  readonly raw?: string;
  /** The terminal's width, to cut the command's own table to it. */
  readonly fit?: number;
}

/** Whether a `--format` asks for the command's own table. */
export function isOwnTable(format: string | undefined): boolean {
  return format === undefined || format === '' || format.trimEnd() === 'table';
}

/** The whole text of a list, ended by a newline unless it is empty. Throws as a template does. */
export async function listText<Row, Name extends string>(rows: readonly Row[], options: ListOptions<Row, Name>): Promise<string> {
  const { format = 'table', fields, columns } = options;
  if (isOwnTable(format)) {
    const titles = columns.map((name) => String(fields[name].title));
    const cells = rows.map((row) => columns.map((name) => cellText(fields[name].value(row)) || (fields[name].empty ?? '')));
    return await table(titles, cells, options.fit === undefined ? {} : { columns: options.fit });
  }
  const { parseTemplate } = await import('./gotemplate/template.ts');
  const asTable = format.startsWith('table');
  const text =
    format === 'json'
      ? '{{json .}}'
      : format === 'raw' && options.raw !== undefined
        ? options.raw
        : asTable
          ? format.slice('table'.length)
          : format;
  const template = parseTemplate(
    text
      .replace(/^ +| +$/g, '')
      .replaceAll('\\t', '\t')
      .replaceAll('\\n', '\n'),
  );
  const lines = (await rowStructs(rows, options)).map((row) => template.execute(row));
  if (!asTable) return lines.map((line) => `${line}\n`).join('');
  const titles = Object.fromEntries(Object.entries<Field<Row>>(fields).map(([name, field]) => [name, field.title]));
  return await alignTabs(`${[template.executeHeader(titles), ...lines].join('\n')}\n`);
}

/** Rows as a template sees them, each of docker's type `type`. */
export async function rowStructs<Row, Name extends string>(
  rows: readonly Row[],
  { fields, type }: Pick<ListOptions<Row, Name>, 'fields' | 'type'>,
): Promise<object[]> {
  const { goStruct } = await import('./gotemplate/values.ts');
  // Fields are computed when a template asks: an id for `{{.ID}}` needs no sizes.
  const entries = Object.entries<Field<Row>>(fields);
  const struct = (get: (field: Field<Row>) => unknown): object =>
    Object.defineProperties(
      {},
      Object.fromEntries(entries.map(([name, field]) => [name, { enumerable: true, get: () => get(field) }] as const)),
    );
  const differs = entries.some(([, { json }]) => json !== undefined);
  return rows.map((row) =>
    goStruct(
      type,
      struct((field) => field.value(row)),
      differs ? struct((field) => (field.json ? field.json(row) : field.value(row))) : undefined,
    ),
  );
}

function cellText(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** Docker's `.Label "com.example.the-name"`, a field of everything that has labels. Its column's title is `the name`. */
export function labelField<Row>(labelsOf: (row: Row) => Readonly<Record<string, string>> | null | undefined) {
  return {
    title: (label: string) => (label.split('.').at(-1) ?? '').replace(/[-_]/g, ' '),
    value: (row: Row) => (name: string) => labelsOf(row)?.[name] ?? '',
  };
}
