import { ImageError } from '../../errors.ts';
import { overLimit, type WimLimits } from './wim-limits.ts';

export type WimCompression = 'none' | 'xpress' | 'lzx' | 'lzms';

/** By the numbers that headers of solid resources have for them. */
export const wimCodecs: readonly WimCompression[] = ['none', 'xpress', 'lzx', 'lzms'];

/** Where a resource lies, as headers and lookup tables say it: 24 bytes. */
export interface ResourceHeader {
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** Bytes in the file. */
  readonly packedSize: number;
  /** Bytes unpacked. */
  readonly size: number;
  readonly flags: number;
}

export const resourceFlags = { metadata: 0x02, compressed: 0x04, solid: 0x10 } as const;

export const wimHeaderSize = 208;

export interface WimHeader {
  /** Solid resources may be in files of the second. */
  readonly version: 0x10d00 | 0xe00;
  readonly flags: number;
  readonly compression: WimCompression;
  /** Of resources that are not solid, in bytes; 0 where nothing is packed. */
  readonly chunkSize: number;
  /** 32 hex digits, the same in all parts of a split WIM. */
  readonly guid: string;
  readonly part: number;
  readonly parts: number;
  readonly imageCount: number;
  readonly lookupTable: ResourceHeader;
  readonly xml: ResourceHeader;
  /** The image that a machine would start from, counted from 1; 0 for none. */
  readonly bootIndex: number;
  /** undefined where the file has none. */
  readonly integrity: ResourceHeader | undefined;
}

export const wimFlags = {
  compression: 0x02,
  spanned: 0x08,
  writeInProgress: 0x40,
  relativePathFix: 0x80,
  xpress: 0x20000,
  lzx: 0x40000,
  lzms: 0x80000,
  /** Another spelling of XPRESS. */
  xpress2: 0x200000,
} as const;

const chunkSizes = { xpress: [4096, 65_536], lzx: [32_768, 2 ** 21], lzms: [32_768, 2 ** 30] } as const;

/**
 * @param bytes the first 208 bytes of the file, or fewer where it has fewer
 * @param file what errors call it
 * @throws ImageError `invalid-content` for what is no WIM; `unsupported` for pipable ones and those of other versions; `too-large`
 */
export function parseWimHeader(bytes: Uint8Array, file: string, limits: WimLimits): WimHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const refuse = (why: string, hint?: string) => new ImageError('invalid-content', `${file}: ${why}`, { hint });
  const magic = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(8, bytes.byteLength)).toString('latin1');
  if (magic === 'WLPWM\0\0\0')
    throw new ImageError('unsupported', `${file}: a pipable WIM, which only wimlib reads`, {
      hint: 'Rewrite it: wimlib-imagex export FILE all NEW.wim --not-pipable',
    });
  if (magic !== 'MSWIM\0\0\0') throw refuse('not a WIM file: it does not begin with "MSWIM"', 'WIM files are called .wim, .swm or .esd.');
  if (bytes.length < wimHeaderSize) throw refuse(`truncated header: ${bytes.length} of ${wimHeaderSize} bytes`);
  const u32 = (at: number) => view.getUint32(at, true);
  if (u32(0x08) !== wimHeaderSize) throw refuse(`header size ${u32(0x08)} at offset 8, expected ${wimHeaderSize}`);
  const version = u32(0x0c);
  if (version !== 0x10d00 && version !== 0xe00) {
    const shown = `${version >>> 16}.${(version >>> 8) & 0xff}`;
    throw new ImageError(
      'unsupported',
      `${file}: unsupported WIM version ${shown}${version < 0x10d00 && version >= 0x10000 ? ' (pre-release)' : ''} at offset 12`,
      {
        hint: 'Versions 1.13 (DISM, wimlib) and 0.14 (ESD) are read.',
      },
    );
  }
  const flags = u32(0x10);
  const compression = compressionOf(flags, refuse);
  const chunkSize = u32(0x14);
  if (compression !== 'none') {
    const [least, most] = chunkSizes[compression];
    const isPower = chunkSize > 0 && (chunkSize & (chunkSize - 1)) === 0;
    if (!isPower || chunkSize < least || chunkSize > most)
      throw refuse(
        `chunk size ${chunkSize} at offset 20 is invalid for ${compression.toUpperCase()}, expected a power of two from ${least} to ${most}`,
      );
    if (chunkSize > limits.chunk) throw overLimit('chunk', limits, `${file}: chunks of ${chunkSize} bytes`);
  } else if (chunkSize !== 0) throw refuse(`chunk size ${chunkSize} at offset 20, but flags say that nothing is compressed`);
  const part = view.getUint16(0x28, true);
  const parts = view.getUint16(0x2a, true);
  if (part === 0 || part > parts) throw refuse(`part ${part} of ${parts} at offset 40`);
  const imageCount = u32(0x2c);
  if (imageCount > limits.images) throw overLimit('images', limits, `${file}: the header says ${imageCount} images`);
  const resource = (at: number, what: string) => parseResourceHeader(view, at, (why) => refuse(`${what} at offset ${at}: ${why}`));
  const integrity = resource(0x7c, 'integrity table');
  return {
    version,
    flags,
    compression,
    chunkSize,
    guid: Buffer.from(bytes.buffer, bytes.byteOffset + 0x18, 16).toString('hex'),
    part,
    parts,
    imageCount,
    lookupTable: resource(0x30, 'lookup table'),
    xml: resource(0x48, 'XML'),
    bootIndex: u32(0x78),
    integrity: integrity.offset === 0 && integrity.packedSize === 0 && integrity.size === 0 ? undefined : integrity,
  };
}

function compressionOf(flags: number, refuse: (why: string) => ImageError): WimCompression {
  const found: WimCompression[] = [];
  if (flags & wimFlags.lzx) found.push('lzx');
  if (flags & (wimFlags.xpress | wimFlags.xpress2)) found.push('xpress');
  if (flags & wimFlags.lzms) found.push('lzms');
  const shown = `0x${flags.toString(16)} at offset 16`;
  if (!(flags & wimFlags.compression)) {
    if (found.length > 0) throw refuse(`flags ${shown} name a codec, and say that nothing is compressed`);
    return 'none';
  }
  const [only] = found;
  if (only === undefined) throw refuse(`flags ${shown} say that it is compressed, without a codec`);
  if (found.length > 1) throw refuse(`flags ${shown} name several codecs (${found.join(', ')})`);
  return only;
}

/** @throws what `refuse` makes, for numbers that no file can have */
export function parseResourceHeader(view: DataView, at: number, refuse: (why: string) => ImageError): ResourceHeader {
  const packedSize = view.getUint32(at, true) + view.getUint16(at + 4, true) * 2 ** 32 + view.getUint8(at + 6) * 2 ** 48;
  const header = { offset: u64(view, at + 8), packedSize, size: u64(view, at + 16), flags: view.getUint8(at + 7) };
  for (const number of [header.offset, packedSize, header.size])
    if (number > Number.MAX_SAFE_INTEGER) throw refuse(`the number ${BigInt(number)} is larger than any file`);
  return header;
}

/** Exact up to 2^53: callers refuse what is larger. */
export function u64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}
