/** `bay wim info`. */

import type { WimImage } from '../../../formats/wim/wim-images.ts';
import type { Wim } from '../../../formats/wim/wim.ts';
import { command } from '../grammar.ts';
import { printable } from '../../../io/printable.ts';
import { humanSize } from '../units.ts';
import { openWim, wimFileFlags } from './wim-files.ts';

export const wimInfo = command({
  description: 'Show what a WIM file is and which images it holds.',
  operands: { usage: 'FILE', min: 1, max: 1 },
  flags: {
    json: { type: 'bool', help: 'Print one JSON document' },
    ...wimFileFlags,
    xml: { type: 'bool', help: "Print the images' elements of the file's XML" },
  },
  examples: [
    ['Which images there are', 'bay wim info NanoServer.wim'],
    ['A split WIM', 'bay wim info install.swm --ref install2.swm'],
  ],
  async run({ flags, operands, terminal }) {
    await using wim = await openWim(operands[0], flags, terminal);
    if (flags.xml) terminal.print(wim.images.map(({ xml }) => `${xml}\n`).join(''));
    else terminal.print(flags.json ? `${JSON.stringify(facts(wim))}\n` : text(wim));
  },
});

function facts(wim: Wim) {
  const { header } = wim;
  return {
    file: wim.path,
    size: wim.files.slice(0, wim.partCount).reduce((sum, { size }) => sum + size, 0),
    version: `${header.version >>> 16}.${(header.version >>> 8) & 0xff}`,
    guid: header.guid,
    compression: header.compression,
    chunkSize: header.chunkSize,
    isSolid: wim.table.solidChunkSize > 0,
    parts: header.parts,
    bootIndex: header.bootIndex,
    hasIntegrity: header.integrity !== undefined,
    images: wim.images.map(withoutXml),
  };
}

function withoutXml(image: WimImage): Omit<WimImage, 'xml'> & { readonly xml?: undefined } {
  return { ...image, xml: undefined };
}

function text(wim: Wim): string {
  const { images, ...file } = facts(wim);
  const codec = file.compression === 'none' ? 'none' : `${file.compression.toUpperCase()}, chunks of ${file.chunkSize} bytes`;
  const lines = [
    `File: ${file.file}`,
    `Size: ${humanSize(file.size)}`,
    `Version: ${file.version}`,
    `GUID: ${file.guid}`,
    `Compression: ${codec}${file.isSolid ? `, solid resources with chunks of ${wim.table.solidChunkSize} bytes` : ''}`,
    ...(file.parts > 1 ? [`Parts: ${file.parts}`] : []),
    `Boot index: ${file.bootIndex}`,
    `Integrity table: ${file.hasIntegrity ? 'yes' : 'no'}`,
    `Images: ${images.length}`,
    ...images.flatMap(imageLines),
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

/** WINDOWS/ARCH, by PROCESSOR_ARCHITECTURE_*. */
const architectures: Readonly<Record<number, string>> = { 0: 'x86', 5: 'ARM', 6: 'IA64', 9: 'x64', 12: 'ARM64' };

function imageLines(image: Omit<WimImage, 'xml'>): string[] {
  const { windows, containerImage } = image;
  const version = windows?.version;
  const rows: (readonly [string, string | undefined])[] = [
    ['Description', image.description],
    ['Display name', image.displayName],
    ['Flags', image.flags],
    ['Folders', String(image.dirCount)],
    ['Files', String(image.fileCount)],
    ['Bytes', `${image.totalBytes} (${humanSize(image.totalBytes)})`],
    ['Created', image.created?.toISOString()],
    ['Modified', image.modified?.toISOString()],
    ['Product', windows?.productName],
    ['Edition', windows?.editionId],
    ['Installation', windows?.installationType],
    [
      'Architecture',
      windows?.architecture === undefined ? undefined : (architectures[windows.architecture] ?? String(windows.architecture)),
    ],
    ['Version', version && `${version.major}.${version.minor}.${version.build}.${version.spBuild}`],
    ['Languages', windows?.languages.join(', ')],
    ['Publisher', containerImage?.publisher],
    ['Image version', containerImage?.version],
  ];
  return [
    '',
    `Image ${image.index}: ${image.name}`,
    ...rows.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [` ${name}: ${value}`])),
  ];
}
