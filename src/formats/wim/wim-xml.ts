import { SaxesParser } from 'saxes';
import { ImageError } from '../../errors.ts';
import { overLimit, type WimLimits } from './wim-limits.ts';

/** An element of a WIM's XML document. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** All text directly in it. */
  readonly text: string;
  readonly children: readonly XmlElement[];
  /** As it stands in the document, from its `<` to its `>`. */
  readonly source: string;
}

/** No document of a real WIM comes near these: such a one is made to be held in memory. */
const maxElements = 200_000;
const maxDepth = 64;

/**
 * Reads the XML resource: UTF-16LE with a byte order mark (the only form that WIMGAPI takes), without a document type.
 * @param file what errors call it
 * @returns the root element, `WIM`
 * @throws ImageError `invalid-content`, `too-large`
 */
export function parseWimXml(bytes: Uint8Array, file: string, limits: WimLimits): XmlElement {
  const refuse = (why: string) => new ImageError('invalid-content', `${file}: XML: ${why}`);
  if (bytes.length > limits.xml) throw overLimit('xml', limits, `${file}: XML of ${bytes.length} bytes`);
  if (bytes.length % 2 !== 0) throw refuse(`not UTF-16LE: it has an odd number of bytes, ${bytes.length}`);
  if (bytes[0] !== 0xff || bytes[1] !== 0xfe) throw refuse('not UTF-16LE: it does not begin with the byte order mark FF FE');
  let text: string;
  try {
    text = new TextDecoder('utf-16le', { fatal: true }).decode(bytes);
  } catch {
    throw refuse('not UTF-16LE: it has half a character');
  }
  const root = parse(text, refuse);
  if (root?.name !== 'WIM') throw refuse(root ? `the root element is ${JSON.stringify(root.name)}, expected WIM` : 'there is no element');
  return root;
}

interface OpenElement {
  readonly name: string;
  readonly attributes: Record<string, string>;
  text: string;
  readonly children: XmlElement[];
  readonly start: number;
}

function parse(text: string, refuse: (why: string) => ImageError): XmlElement | undefined {
  const parser = new SaxesParser();
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  let count = 0;
  const at = () => `${parser.line}:${parser.column}`;
  parser.on('error', (error) => {
    throw refuse(error.message);
  });
  parser.on('doctype', () => {
    throw refuse(`${at()}: a document type is not allowed`);
  });
  parser.on('opentagstart', ({ name }) => {
    if (++count > maxElements) throw refuse(`${at()}: more than ${maxElements} elements`);
    if (open.length >= maxDepth) throw refuse(`${at()}: elements in each other more than ${maxDepth} deep`);
    open.push({ name, attributes: {}, text: '', children: [], start: text.lastIndexOf('<', parser.position - 1) });
  });
  parser.on('attribute', ({ name, value }) => {
    const element = open.at(-1);
    // A name such as __proto__ is one like any other.
    if (element) Object.defineProperty(element.attributes, name, { value, enumerable: true });
  });
  const onText = (part: string) => {
    const element = open.at(-1);
    if (element) element.text += part;
  };
  parser.on('text', onText);
  parser.on('cdata', onText);
  parser.on('closetag', () => {
    const element = open.pop();
    if (!element) return;
    const { start, ...rest } = element;
    // The text of one element is made once, when somebody asks: each holds all that is in it.
    const end = parser.position;
    const closed: XmlElement = {
      ...rest,
      get source() {
        return text.slice(start, end);
      },
    };
    const parent = open.at(-1);
    if (parent) parent.children.push(closed);
    else root = closed;
  });
  // What saxes takes from the beginning is not to be taken twice: TextDecoder has removed the mark.
  parser.write(text).close();
  return root;
}

/** The first child of that name. */
export function xmlChild(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((child) => child.name === name);
}

/** The text of the element that names lead to, without white space around; undefined where there is none. */
export function xmlText(element: XmlElement | undefined, ...names: readonly string[]): string | undefined {
  let at = element;
  for (const name of names) at = xmlChild(at, name);
  return at?.text.trim();
}
