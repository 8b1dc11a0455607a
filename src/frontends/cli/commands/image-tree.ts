import { shortId } from '../../../model/digest.ts';
import { formatPlatform } from '../../../model/platform.ts';
import { familiar } from '../../../model/reference.ts';
import type { ImageRecord, PlatformRecord } from '../../../store/image-record.ts';
import { table } from '../table.ts';
import { humanSize } from '../units.ts';

/** Docker 29's view: a line an image, with its names, and below it a line for each platform of an index. Blobs stay packed here, so both sizes are of the packed bytes. */
export async function imageTree(images: readonly ImageRecord[]): Promise<string> {
  const rows: string[][] = [];
  for (const image of images.toSorted(byName)) {
    const [first = '<untagged>', ...others] = image.names.map(({ reference }) => familiar(reference));
    const total = humanSize(packed(image.platforms) || image.target.size);
    rows.push([first, shortId(image.target.digest), total, total]);
    for (const other of others) rows.push([other, '', '', '']);
    const listed = image.platforms.filter(({ manifest }) => manifest.digest !== image.target.digest);
    for (const [at, { manifest, platform, size }] of listed.entries())
      rows.push([
        `${at === listed.length - 1 ? '└─' : '├─'} ${platform ? formatPlatform(platform) : 'unknown'}`,
        shortId(manifest.digest),
        humanSize(size),
        humanSize(size),
      ]);
  }
  return table(['IMAGE', 'ID', 'DISK USAGE', 'CONTENT SIZE'], rows);
}

/** Bytes of several platforms together, a layer that they share once. */
function packed(platforms: readonly PlatformRecord[]): number {
  const pieces = new Map(
    platforms.flatMap(({ manifest, config, layers }) => [manifest, config, ...layers]).map(({ digest, size }) => [digest, size]),
  );
  return [...pieces.values()].reduce((sum, size) => sum + size, 0);
}

function byName(a: ImageRecord, b: ImageRecord): number {
  const name = ({ names }: ImageRecord) => (names[0] ? familiar(names[0].reference) : '\uffff');
  return name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0;
}
