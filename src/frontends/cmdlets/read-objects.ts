import type { Readable } from 'node:stream';
import { ImageError } from '../../errors.ts';
import { cellWidthFor } from '../../io/cell-width.ts';
import { CmdletError } from './cmdlet-error.ts';
import type { CmdletObject } from './cmdlet-object.ts';
import { objectFromJson } from './object-json.ts';
import { views } from './views.ts';

/** Tables of a hundred thousand rows are read, and what never ends is not. */
const mostBytes = 64 * 1024 * 1024;

/**
 * What the cmdlet before has written into the pipe: the document of --json, or a table. A row of a table has the texts of its cells and no id.
 * @throws CmdletError for anything else; ImageError `too-large`
 */
export async function readObjects(input: Readable): Promise<readonly CmdletObject[]> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input as AsyncIterable<Buffer | string>) {
    const bytes = Buffer.from(chunk as Buffer);
    if ((size += bytes.length) > mostBytes)
      throw new ImageError('too-large', `the pipeline brings more than ${mostBytes / 2 ** 20} MiB`, {
        hint: 'Ask the cmdlet before it for less: by -Name, or one page at a time.',
      });
    chunks.push(bytes);
  }
  const text = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
  if (text.trim() === '') return [];
  return /^\s*[[{]/.test(text) ? readJson(text) : readTables(text);
}

function readJson(text: string): readonly CmdletObject[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw noObjects('it begins like JSON, and is none');
  }
  return (Array.isArray(value) ? value : [value]).map((item) => {
    const object = objectFromJson(item);
    if (!object) throw noObjects('a value of the JSON has no "Type"');
    return object;
  });
}

/** Columns begin where the dashes do, whatever the cells hold. */
async function readTables(text: string): Promise<readonly CmdletObject[]> {
  const lines = text.split(/\r?\n/);
  const width = await cellWidthFor(lines);
  const found: CmdletObject[] = [];
  for (let at = 0; at < lines.length; at++) {
    const header = lines[at] ?? '';
    if (header.trim() === '') continue;
    const dashes = lines[at + 1] ?? '';
    if (!/^-+(?: +-+)*\s*$/.test(dashes)) throw noObjects(`the line ${JSON.stringify(header.slice(0, 80))} is in no table`);
    const starts = [...dashes.matchAll(/-+/g)].map(({ index }) => index);
    const names = cells(header, starts, width);
    const typeName = typeOf(names);
    for (at += 2; at < lines.length && (lines[at] ?? '').trim() !== ''; at++) {
      const values = cells(lines[at] ?? '', starts, width);
      const properties = Object.fromEntries(names.map((name, column) => [name, values[column]]));
      found.push({ typeName, properties, text: rowText(names, values) });
    }
  }
  return found;
}

function cells(line: string, starts: readonly number[], width: (text: string) => number): string[] {
  const parts = starts.map(() => '');
  let column = 0;
  let place = 0;
  for (const { segment } of new Intl.Segmenter().segment(line)) {
    while (column + 1 < starts.length && place >= (starts[column + 1] ?? Infinity)) column++;
    parts[column] += segment;
    place += width(segment);
  }
  return parts.map((part) => part.trim());
}

/** The type whose table has these columns; a made-up one where none has: nothing takes that. */
function typeOf(names: readonly string[]): string {
  const view = views.find(({ columns }) => columns.map(({ property, header }) => header ?? property).join('\n') === names.join('\n'));
  return view?.typeName ?? 'Selected';
}

function rowText(names: readonly string[], values: readonly string[]): string {
  return `@{${names.map((name, at) => `${name}=${values[at] ?? ''}`).join('; ')}}`;
}

function noObjects(why: string): CmdletError {
  return new CmdletError({
    message: `What comes through the pipe holds no objects: ${why}.\nIt takes what another cmdlet of bay prints, best with --json.`,
    id: 'NoObjects',
    category: 'InvalidData',
    exceptionType: 'ParameterBindingException',
  });
}
