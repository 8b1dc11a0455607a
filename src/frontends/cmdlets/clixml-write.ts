import { isCmdletObject, isTypedText, type TypedText, type Value } from './cmdlet-object.ts';

/**
 * Values as one document of CLIXML, the form that System.Management.Automation.PSSerializer reads ([MS-PSRP] 2.2.5): one line of ASCII. Typed objects arrive as
 * `Deserialized.X`, with their text; a Date in UTC.
 */
export function writeClixml(values: readonly Value[]): string {
  const writing: Writing = { objects: 0, types: new Map() };
  const inside = values.map((value) => element(value, '', writing, 0)).join('');
  return `<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">${inside}</Objs>`;
}

/** A parent's parent's … is its text at last, as PSSerializer does it: a list of ten thousand images must not hold a chain of parents for each. */
const deepest = 4;

interface Writing {
  objects: number;
  /** Lists of type names are written once a document. */
  readonly types: Map<string, number>;
}

function element(value: Value, name: string, writing: Writing, depth: number): string {
  if (value === undefined) return `<Nil${name} />`;
  if (typeof value === 'string') return `<S${name}>${escaped(value)}</S>`;
  if (typeof value === 'boolean') return `<B${name}>${value}</B>`;
  if (typeof value === 'number') return `<I64${name}>${value}</I64>`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? `<Nil${name} />` : `<DT${name}>${value.toISOString()}</DT>`;
  if (isTypedText(value)) return typedText(value, name);
  if (isCmdletObject(value) && depth > deepest) return `<S${name}>${escaped(value.text)}</S>`;
  const start = `<Obj${name} RefId="${writing.objects++}">`;
  if (!isCmdletObject(value)) {
    const types = typeNames(['System.Object[]', 'System.Array', 'System.Object'], writing);
    const items = value.map((item) => element(item, '', writing, depth)).join('');
    return `${start}${types}<LST>${items}</LST></Obj>`;
  }
  const types = typeNames([value.typeName, 'System.Object'], writing);
  const properties = Object.entries(value.properties).map(([key, item]) => element(item, ` N="${escaped(key)}"`, writing, depth + 1));
  return `${start}${types}<ToString>${escaped(value.text)}</ToString><MS>${properties.join('')}</MS></Obj>`;
}

function typeNames(names: readonly string[], { types }: Writing): string {
  const key = names[0] ?? '';
  const known = types.get(key);
  if (known !== undefined) return `<TNRef RefId="${known}" />`;
  types.set(key, types.size);
  return `<TN RefId="${types.size - 1}">${names.map((name) => `<T>${escaped(name)}</T>`).join('')}</TN>`;
}

function typedText({ kind, text }: TypedText, name: string): string {
  if (kind === 'version') return `<Version${name}>${escaped(text)}</Version>`;
  if (kind === 'guid') return `<G${name}>${escaped(text)}</G>`;
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = /^(?:(\d+)\.)?(\d+):(\d+):(\d+)$/.exec(text) ?? [];
  return `<TS${name}>P${Number(days)}DT${Number(hours)}H${Number(minutes)}M${Number(seconds)}S</TS>`;
}

/** What XML, an ASCII pipe or a line cannot hold is `_xHHHH_`, one for each UTF-16 unit; what only looks so is escaped too. */
const special = /[&<>"]|_(?=x[0-9a-fA-F]{4}_)|[^ -~]/g;
const named: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string): string {
  return text.replace(special, (letter) => named[letter] ?? `_x${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`);
}
