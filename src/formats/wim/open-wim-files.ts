import { ImageError } from '../../errors.ts';
import { LookupTable, requireInside, type MetadataPlace } from './lookup-table.ts';
import { WimFile } from './wim-file.ts';
import { resourceFlags, wimFlags, type ResourceHeader } from './wim-header.ts';
import { wimImages, type WimImage } from './wim-images.ts';
import { overLimit, type WimLimits } from './wim-limits.ts';
import { readFully } from './wim-resource.ts';
import { parseWimXml } from './wim-xml.ts';

/** The files of a WIM, opened and understood as far as their tables go. */
export interface OpenWimFiles {
  /** The parts in their order, then the files that it relies on. */
  readonly files: readonly WimFile[];
  readonly partCount: number;
  readonly table: LookupTable;
  readonly images: readonly WimImage[];
  /** Of each image. */
  readonly metadata: readonly MetadataPlace[];
  readonly warnings: readonly string[];
}

/**
 * @param paths one file, or all parts of a split WIM in any order
 * @param base files that a delta WIM relies on
 * @throws ImageError as `Wim.open`
 */
export function openWimFiles(paths: readonly string[], base: readonly string[], limits: WimLimits): OpenWimFiles {
  const files: WimFile[] = [];
  try {
    const open = (path: string) => {
      const file = new WimFile(path, limits);
      files.push(file);
      return file;
    };
    const parts = inOrder(paths.map(open));
    const relied = base.map(open);
    files.splice(0, files.length, ...parts, ...relied);
    const [first] = parts as [WimFile];
    const { header } = first;
    for (const file of files) if (file.header.integrity) requireInside(file.header.integrity, file, 'integrity table');
    const table = new LookupTable(limits);
    const metadata = files.map((file, index) => table.add(file, index))[0] as MetadataPlace[];
    // Each has one: only that of the first is believed, and all must be right.
    const [images] = files.map((file) => {
      const xml = readPlain(file, file.header.xml, 'XML', limits);
      return wimImages(parseWimXml(xml, file.path, limits), file.header.imageCount, file.path);
    }) as [WimImage[]];
    if (metadata.length < header.imageCount)
      throw new ImageError(
        'invalid-content',
        `${first.path}: lookup table: image ${metadata.length + 1} of ${header.imageCount} has no metadata`,
      );
    const warnings = [...table.warnings];
    for (const { path, header: own } of parts)
      if (own.flags & wimFlags.writeInProgress)
        warnings.push(`${path}: whoever wrote it did not finish: what was added last may be missing`);
    if (header.bootIndex > header.imageCount)
      warnings.push(`${first.path}: the boot index is ${header.bootIndex}, of ${header.imageCount} images`);
    return { files, partCount: parts.length, table, images, metadata, warnings };
  } catch (error) {
    for (const file of files) file[Symbol.dispose]();
    throw error;
  }
}

function inOrder(files: readonly WimFile[]): WimFile[] {
  const [first] = files;
  if (!first) throw new ImageError('invalid-argument', 'no WIM file is given');
  const { guid, parts } = first.header;
  const byNumber = new Map<number, WimFile>();
  for (const file of files) {
    const { part } = file.header;
    if (file.header.guid !== guid || file.header.parts !== parts)
      throw new ImageError('invalid-argument', `${file.path} is no part of the same WIM as ${first.path}`, {
        hint: 'Give one WIM, or all parts of one split WIM.',
      });
    const there = byNumber.get(part);
    if (there) throw new ImageError('invalid-argument', `${there.path} and ${file.path} are both part ${part} of ${parts}`);
    byNumber.set(part, file);
  }
  const given = [...byNumber.keys()].sort((a, b) => a - b);
  if (given.length < parts) {
    const missing: number[] = [];
    for (let part = 1; part <= parts && missing.length < 10; part++) if (!byNumber.has(part)) missing.push(part);
    const more = parts - given.length > missing.length ? ` and ${parts - given.length - missing.length} more` : '';
    throw new ImageError(
      'incomplete',
      `${first.path}: a split WIM: part${given.length === 1 ? '' : 's'} ${given.slice(0, 10).join(', ')} of ${parts} given; part${missing.length === 1 ? '' : 's'} ${missing.join(', ')}${more} missing`,
      { hint: 'Give the files of all its parts (--ref FILE, or all of them in -WimPath).' },
    );
  }
  return given.map((part) => byNumber.get(part) as WimFile);
}

/** A resource that is never packed. */
function readPlain(file: WimFile, header: ResourceHeader, what: string, limits: WimLimits): Buffer {
  requireInside(header, file, what);
  if (header.flags & (resourceFlags.compressed | resourceFlags.solid) || header.packedSize !== header.size)
    throw new ImageError('invalid-content', `${file.path}: ${what} at ${header.offset}: it is compressed, which no reader expects`);
  if (header.size > limits.xml) throw overLimit('xml', limits, `${file.path}: ${what} of ${header.size} bytes`);
  return readFully(file, header.offset, header.size);
}
