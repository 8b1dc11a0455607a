import { shortId } from '../../../model/digest.ts';
import { formatPlatform } from '../../../model/platform.ts';
import { familiar } from '../../../model/reference.ts';
import type { ImageRecord } from '../../../store/image-record.ts';
import { cellWidthFor } from '../../../io/cell-width.ts';
import { printable } from '../../../io/printable.ts';
import { humanSize } from '../units.ts';

/**
 * Docker's tree: an image's names, the facts beside the last of them, and below a line for each platform of an index; sizes to the right, and
 * air between the images; `U` is what containers stand on. The content is the packed bytes; what of the layers has been laid out is in the disk usage beside that.
 */
export async function imageTree(images: readonly ImageRecord[], used: ReadonlySet<string>): Promise<string> {
  const header: Row = ['IMAGE', 'ID', 'DISK USAGE', 'CONTENT SIZE', 'EXTRA'];
  const blocks = images.toSorted(byName).map((image) => linesOf(image, used));
  const width = await cellWidthFor(blocks.flat().map(([name]) => name));
  const facts = blocks.flat().filter((row) => row.length > 1);
  const widths = header.map((title, column) => Math.max(...[header, ...facts].map((row) => width(row[column] ?? title))));
  const line = (row: Row): string => {
    const cells = row.map((cell, column) => {
      const fill = ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell)));
      return sizes.has(column) ? fill + cell : cell + fill;
    });
    return row.length > 1 ? cells.join('   ') : row[0];
  };
  const isTree = blocks.some((rows) => rows.some(([name]) => /^[├└]/.test(name)));
  const body = blocks.map((rows) => rows.map((row) => `${line(row)}\n`).join('')).join(isTree ? '\n' : '');
  return `${line(header)}\n${body}`;
}

/** A name, and behind the last one of an image its facts. */
type Row = readonly [name: string, ...facts: string[]];

/** Columns of sizes. */
const sizes: ReadonlySet<number> = new Set([2, 3]);

function linesOf(image: ImageRecord, used: ReadonlySet<string>): readonly Row[] {
  const mark = (digest: string): string => (used.has(digest) ? 'U' : '');
  const names = image.names.map(({ reference }) => printable(familiar(reference)));
  const last = names.pop() ?? '<untagged>';
  const listed = image.platforms.filter(({ manifest }) => manifest.digest !== image.target.digest);
  return [
    ...names.map((name): Row => [name]),
    [last, shortId(image.target.digest), humanSize(image.size), humanSize(image.size - image.unpacked), mark(image.target.digest)],
    ...listed.map(({ manifest, platform, size, unpacked: trees }, at): Row => {
      const name = `${at === listed.length - 1 ? '└─' : '├─'} ${platform ? printable(formatPlatform(platform)) : 'unknown'}`;
      return [name, shortId(manifest.digest), humanSize(size + trees), humanSize(size), mark(manifest.digest)];
    }),
  ];
}

function byName(a: ImageRecord, b: ImageRecord): number {
  const name = ({ names }: ImageRecord) => (names[0] ? familiar(names[0].reference) : '\uffff');
  return name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0;
}
