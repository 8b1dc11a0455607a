import { ImageError } from '../../errors.ts';
import { readContainerImage, type WimContainerImage } from './container-image.ts';
import { xmlChild, xmlText, type XmlElement } from './wim-xml.ts';

/** What a WIM's XML says of one of its images. */
export interface WimImage {
  /** From 1. */
  readonly index: number;
  /** '' where it has none. */
  readonly name: string;
  readonly description: string;
  readonly displayName?: string | undefined;
  readonly displayDescription?: string | undefined;
  /** As `9` or `ServerCore`: of an edition of Windows. */
  readonly flags?: string | undefined;
  readonly created?: Date | undefined;
  readonly modified?: Date | undefined;
  /** Bytes of all files, each name counted; as the writer has counted. */
  readonly totalBytes: number;
  readonly dirCount: number;
  readonly fileCount: number;
  readonly windows?: WimWindows | undefined;
  readonly containerImage?: WimContainerImage | undefined;
  /** The IMAGE element as it stands in the document. */
  readonly xml: string;
}

export interface WimWindows {
  /** 0 x86, 5 ARM, 9 x64, 12 ARM64; undefined where it is not said. */
  readonly architecture?: number | undefined;
  readonly productName?: string | undefined;
  readonly editionId?: string | undefined;
  readonly installationType?: string | undefined;
  readonly version?: { readonly major: number; readonly minor: number; readonly build: number; readonly spBuild: number } | undefined;
  readonly languages: readonly string[];
  readonly defaultLanguage?: string | undefined;
}

/**
 * The images of a WIM's document, in the order of their numbers.
 * @param count what the header says
 * @throws ImageError `invalid-content` where numbers are missing, twice, or others than the header's; `unsupported` for an encrypted ESD
 */
export function wimImages(root: XmlElement, count: number, file: string): WimImage[] {
  if (xmlChild(xmlChild(root, 'ESD'), 'ENCRYPTED'))
    throw new ImageError('unsupported', `${file}: an encrypted ESD, which only Windows Update's own programs read`, {
      hint: 'Get the unencrypted image: from the installation medium, or with a program that decrypts ESD files.',
    });
  const images = root.children.filter(({ name }) => name === 'IMAGE');
  const refuse = (why: string) => new ImageError('invalid-content', `${file}: XML: ${why}`);
  if (images.length !== count) throw refuse(`it has ${images.length} images, the header says ${count}`);
  const byIndex = new Map<number, XmlElement>();
  for (const image of images) {
    const index = Number(image.attributes['INDEX']);
    if (!Number.isInteger(index) || index < 1 || index > count)
      throw refuse(`an image has the index ${JSON.stringify(image.attributes['INDEX'] ?? '')}, expected 1 to ${count}`);
    if (byIndex.has(index)) throw refuse(`two images have the index ${index}`);
    byIndex.set(index, image);
  }
  return Array.from(byIndex.keys())
    .sort((a, b) => a - b)
    .map((index) => wimImage(byIndex.get(index) as XmlElement, index));
}

function wimImage(element: XmlElement, index: number): WimImage {
  const text = (...names: readonly string[]) => xmlText(element, ...names);
  const count = (name: string) => decimal(text(name)) ?? 0;
  const windows = xmlChild(element, 'WINDOWS');
  const container = xmlChild(element, 'CONTAINERIMAGE');
  return {
    index,
    name: text('NAME') ?? '',
    description: text('DESCRIPTION') ?? '',
    displayName: text('DISPLAYNAME'),
    displayDescription: text('DISPLAYDESCRIPTION'),
    flags: text('FLAGS'),
    created: fileTime(xmlChild(element, 'CREATIONTIME')),
    modified: fileTime(xmlChild(element, 'LASTMODIFICATIONTIME')),
    totalBytes: count('TOTALBYTES'),
    dirCount: count('DIRCOUNT'),
    fileCount: count('FILECOUNT'),
    windows: windows && wimWindows(windows),
    containerImage: container && readContainerImage((name) => xmlText(container, name)),
    // Asked for by few, and each is a copy of a part of the document.
    get xml() {
      return element.source;
    },
  };
}

function wimWindows(element: XmlElement): WimWindows {
  const version = xmlChild(element, 'VERSION');
  const part = (name: string) => decimal(xmlText(version, name)) ?? 0;
  const languages = xmlChild(element, 'LANGUAGES');
  return {
    architecture: decimal(xmlText(element, 'ARCH')),
    productName: xmlText(element, 'PRODUCTNAME'),
    editionId: xmlText(element, 'EDITIONID'),
    installationType: xmlText(element, 'INSTALLATIONTYPE'),
    version: version && { major: part('MAJOR'), minor: part('MINOR'), build: part('BUILD'), spBuild: part('SPBUILD') },
    languages: (languages?.children ?? []).filter(({ name }) => name === 'LANGUAGE').map(({ text }) => text.trim()),
    defaultLanguage: xmlText(languages, 'DEFAULT'),
  };
}

function decimal(text: string | undefined): number | undefined {
  const number = text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  return number !== undefined && Number.isSafeInteger(number) ? number : undefined;
}

/** Two halves of a FILETIME, in hexadecimal. */
function fileTime(element: XmlElement | undefined): Date | undefined {
  const half = (name: string) => /^(?:0x)?([\da-f]{1,8})$/i.exec(xmlText(element, name) ?? '')?.[1];
  const [high, low] = [half('HIGHPART'), half('LOWPART')];
  if (high === undefined || low === undefined) return undefined;
  const date = new Date(fileTimeMilliseconds((BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)));
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** Milliseconds since 1970 of a FILETIME, with what of its 100 ns a number can hold. */
export function fileTimeMilliseconds(time: bigint): number {
  return Number(time - 116_444_736_000_000_000n) / 10_000;
}
