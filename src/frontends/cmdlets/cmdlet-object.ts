/** A text that PowerShell has a type for: System.Version, System.Guid, System.TimeSpan (`00:00:00`). */
export interface TypedText {
  readonly kind: 'version' | 'guid' | 'timespan';
  readonly text: string;
}

/** What a property or a parameter may hold. A number is whole, and an Int64 in PowerShell; a Date is in UTC there; undefined is $null. */
export type Value = string | number | boolean | Date | TypedText | CmdletObject | readonly Value[] | undefined;

/** What cmdlets give and take. Both shells make their own form of it: rows and JSON here, CLIXML there. */
export interface CmdletObject {
  /** One of those in `views.ts`. An object that comes back from PowerShell has lost its `Deserialized.` here. */
  readonly typeName: string;
  /** In the order in which they are shown. */
  readonly properties: Readonly<Record<string, Value>>;
  /** What it is inside a string, and in a column of a table. */
  readonly text: string;
}

export function isCmdletObject(value: Value): value is CmdletObject {
  return typeof value === 'object' && 'properties' in value;
}

export function isTypedText(value: Value): value is TypedText {
  return typeof value === 'object' && 'kind' in value;
}

/** A value as PowerShell writes it into a string or a cell. */
export function valueText(value: Value): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value instanceof Date) return dateText(value);
  if (typeof value !== 'object') return String(value);
  if (isCmdletObject(value) || isTypedText(value)) return value.text;
  const shown = value.slice(0, shownItems).map(valueText);
  return `{${shown.join(', ')}${value.length > shown.length ? '...' : ''}}`;
}

/** $FormatEnumerationLimit. */
const shownItems = 4;

/** Local time, the same whatever the user's language. */
function dateText(date: Date): string {
  if (Number.isNaN(date.getTime())) return '';
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** A System.Version, or nothing for an empty text. */
export function version(text: string): TypedText | undefined {
  return text === '' ? undefined : { kind: 'version', text };
}

/** `ContainerImage (Name = 'NanoServer') [Publisher = 'CN=Microsoft', Version = '10.0.10586.0']` */
export function objectText(type: string, name: string, others: Readonly<Record<string, string>> = {}): string {
  const more = Object.entries(others).map(([key, value]) => `${key} = '${value}'`);
  return `${type} (Name = '${name}')${more.length > 0 ? ` [${more.join(', ')}]` : ''}`;
}
