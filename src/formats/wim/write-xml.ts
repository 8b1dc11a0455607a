import { ImageError } from '../../errors.ts';
import { containerImageElements } from './container-image.ts';
import { fileTime } from './file-time.ts';
import type { MetadataCounts } from './metadata-writer.ts';
import type { NewWimImage, NewWimWindows } from './new-wim.ts';

/**
 * The XML document of a WIM, UTF-16LE with a byte order mark: other forms WIMGAPI does not read.
 * @param end bytes of the file before it
 */
export function wimXml(images: readonly { readonly image: NewWimImage; readonly counts: MetadataCounts }[], end: number): Buffer {
  const text = element('WIM', [leaf('TOTALBYTES', end), ...images.map(({ image, counts }, i) => imageXml(image, counts, i + 1))]);
  return Buffer.from(`\ufeff${text}`, 'utf16le');
}

/** @throws ImageError `invalid-argument` where a text has what no XML can hold, or two images have one name */
export function refuseImageTexts(images: readonly NewWimImage[]): void {
  wimXml(
    images.map((image) => ({ image, counts: { folders: 0, files: 0, bytes: 0, linkedBytes: 0 } })),
    0,
  );
  const names = images.map(({ name }) => name).filter((name) => name !== '');
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new ImageError('invalid-argument', `two images of one WIM are named ${JSON.stringify(twice)}`);
}

function imageXml(image: NewWimImage, counts: MetadataCounts, index: number): string {
  const time = fileTime(BigInt(image.created.getTime()) * 1_000_000n);
  const [high, low] = [time >> 32n, time & 0xffff_ffffn].map((half) => `0x${half.toString(16).toUpperCase().padStart(8, '0')}`);
  const times = [leaf('HIGHPART', high), leaf('LOWPART', low)];
  return element(
    'IMAGE',
    [
      leaf('DIRCOUNT', counts.folders),
      leaf('FILECOUNT', counts.files),
      leaf('TOTALBYTES', counts.bytes),
      leaf('HARDLINKBYTES', counts.linkedBytes),
      element('CREATIONTIME', times),
      element('LASTMODIFICATIONTIME', times),
      image.windows ? windowsXml(image.windows) : '',
      leaf('NAME', image.name),
      leaf('DESCRIPTION', image.description),
      leaf('FLAGS', image.flags),
      leaf('DISPLAYNAME', image.displayName),
      leaf('DISPLAYDESCRIPTION', image.displayDescription),
      image.containerImage
        ? element(
            'CONTAINERIMAGE',
            containerImageElements(image.containerImage).map(([name, text]) => leaf(name, text)),
          )
        : '',
    ],
    ` INDEX="${index}"`,
  );
}

function windowsXml(windows: NewWimWindows): string {
  const { version, languages = [] } = windows;
  const hasLanguages = languages.length > 0 || windows.defaultLanguage !== undefined;
  return element('WINDOWS', [
    leaf('ARCH', windows.architecture),
    leaf('PRODUCTNAME', windows.productName),
    leaf('EDITIONID', windows.editionId),
    leaf('INSTALLATIONTYPE', windows.installationType),
    hasLanguages
      ? element('LANGUAGES', [...languages.map((language) => leaf('LANGUAGE', language)), leaf('DEFAULT', windows.defaultLanguage)])
      : '',
    version
      ? element('VERSION', [
          leaf('MAJOR', version.major),
          leaf('MINOR', version.minor),
          leaf('BUILD', version.build),
          leaf('SPBUILD', version.spBuild),
        ])
      : '',
    leaf('SYSTEMROOT', windows.systemRoot),
  ]);
}

function element(name: string, children: readonly string[], attributes = ''): string {
  return `<${name}${attributes}>${children.join('')}</${name}>`;
}

function leaf(name: string, text: string | number | undefined): string {
  return text === undefined ? '' : `<${name}>${escaped(String(text), name)}</${name}>`;
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };

function escaped(text: string, name: string): string {
  // oxlint-disable-next-line no-control-regex -- XML 1.0 has no form for these
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text) || !text.isWellFormed()) {
    throw new ImageError(
      'invalid-argument',
      `${name} of a WIM's image cannot be ${JSON.stringify(text)}: it has characters that XML cannot hold`,
    );
  }
  return text.replace(/[&<>\r]/g, (letter) => escapes[letter]!);
}
