import { ImageError } from '../../errors.ts';
import type { CmdletObject, TypedText, Value } from './cmdlet-object.ts';

/** Objects inside objects; PSSerializer itself stops long before. */
const deepest = 64;

/**
 * The one value of a document that PSSerializer wrote ([MS-PSRP] 2.2.5). A hashtable is an object with its keys as properties; what we have no type for is its text.
 * @throws ImageError `invalid-content`
 */
export function readClixml(text: string): Value {
  const root = parse(text);
  if (root.tag !== 'Objs' || root.children.length !== 1) throw wrong('one value was expected');
  const [child] = root.children;
  return child && valueOf(child, { objects: new Map(), types: new Map() });
}

interface Element {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

const token = /<(\/?)([A-Za-z][\w.:-]*)((?:\s+[\w.:-]+="[^"]*")*)\s*(\/?)>|([^<]+)/gy;
const attribute = /([\w.:-]+)="([^"]*)"/g;

function parse(text: string): Element {
  const top: Element = { tag: '', attributes: {}, children: [], text: '' };
  const open = [top];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const found = token.exec(text);
    const parent = open.at(-1);
    if (!found || !parent) throw wrong('it is not XML');
    const [, close, tag = '', attributes = '', empty, characters] = found;
    if (characters !== undefined) parent.text += characters;
    else if (close) {
      if (open.pop()?.tag !== tag) throw wrong(`</${tag}> closes nothing`);
    } else {
      const pairs = [...attributes.matchAll(attribute)].map(([, name = '', value = '']): [string, string] => [name, value]);
      const element: Element = { tag, attributes: Object.fromEntries(pairs), children: [], text: '' };
      parent.children.push(element);
      if (!empty) open.push(element);
      if (open.length > deepest * 4) throw wrong('it is too deep');
    }
  }
  const [root] = top.children;
  if (open.length !== 1 || !root) throw wrong('it ends too early');
  return root;
}

interface Reading {
  readonly objects: Map<string, Value>;
  readonly types: Map<string, readonly string[]>;
}

function valueOf(element: Element, reading: Reading): Value {
  const { tag } = element;
  switch (tag) {
    case 'Nil':
      return undefined;
    case 'B':
      return element.text === 'true';
    case 'I16':
    case 'I32':
    case 'I64':
    case 'U16':
    case 'U32':
    case 'U64':
    case 'By':
    case 'SB':
    case 'Db':
    case 'Sg':
    case 'D':
      return Number(element.text);
    case 'C':
      return String.fromCharCode(Number(element.text));
    case 'DT':
      return new Date(element.text);
    case 'TS':
      return timeSpan(element.text);
    case 'Version':
      return { kind: 'version', text: decoded(element.text) };
    case 'G':
      return { kind: 'guid', text: decoded(element.text) };
    case 'Ref':
      return reading.objects.get(element.attributes['RefId'] ?? '');
    case 'Obj':
      return object(element, reading);
    default:
      return decoded(element.text);
  }
}

function object(element: Element, reading: Reading): Value {
  const id = element.attributes['RefId'] ?? '';
  let types: readonly string[] = [];
  let text: string | undefined;
  let base: { value: Value } | undefined;
  const properties = Object.create(null) as Record<string, Value>;
  // Known before it is read: what is inside may name it.
  const made: CmdletObject = { typeName: '', properties, text: '' };
  reading.objects.set(id, made);
  for (const child of element.children) {
    switch (child.tag) {
      case 'TN':
        types = child.children.map((name) => decoded(name.text));
        reading.types.set(child.attributes['RefId'] ?? '', types);
        break;
      case 'TNRef':
        types = reading.types.get(child.attributes['RefId'] ?? '') ?? [];
        break;
      case 'ToString':
        text = decoded(child.text);
        break;
      case 'Props':
      case 'MS':
        for (const item of child.children) properties[decoded(item.attributes['N'] ?? '')] = valueOf(item, reading);
        break;
      case 'DCT':
        for (const { children } of child.children) {
          const part = (name: string) => children.find(({ attributes }) => attributes['N'] === name);
          const [key, value] = [part('Key'), part('Value')];
          if (key) properties[decoded(key.text)] = value && valueOf(value, reading);
        }
        break;
      case 'LST':
      case 'IE':
      case 'QUE':
      case 'STK':
        base = { value: child.children.map((item) => valueOf(item, reading)) };
        break;
      default:
        base = { value: valueOf(child, reading) };
    }
  }
  const typeName = (types[0] ?? '').replace(/^(?:Deserialized\.)+/, '');
  // A text or a number that PowerShell has pinned properties on, or an enumeration, is itself.
  const value = base ? base.value : Object.assign(made, { typeName, text: text ?? '' });
  reading.objects.set(id, value);
  return value;
}

/** An XML duration as PowerShell shows it: `1.02:03:04`. */
function timeSpan(text: string): TypedText {
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] =
    /^-?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?$/.exec(text) ?? [];
  const clock = [hours, minutes, seconds].map((part) => part.padStart(2, '0')).join(':');
  return { kind: 'timespan', text: Number(days) === 0 ? clock : `${Number(days)}.${clock}` };
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decoded(text: string): string {
  return text
    .replace(/&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(\w+));/g, (whole, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return entities[name] ?? whole;
      const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
    })
    .replace(/_x([0-9a-fA-F]{4})_/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function wrong(why: string): ImageError {
  return new ImageError('invalid-content', `What PowerShell sent cannot be read: ${why}`, {
    hint: 'The module may be of another version than bay: `bay Install-PackageProvider ContainerProvider -Force` installs the one that fits.',
  });
}
