/** Tar blocks as no writer of ours would make them: for tests of the reader. */

export interface RawHeader {
  readonly name?: string | Uint8Array;
  readonly typeflag?: string;
  /** The size field as it stands, or a number for octal. */
  readonly size?: number | string | Uint8Array;
  /** Bytes to put into the block, by their offset, before the checksum is taken. */
  readonly patch?: readonly (readonly [offset: number, bytes: string | Uint8Array])[];
  /** As it stands in the field; default: the right one. */
  readonly checksum?: string;
}

/** One header block. */
export function rawHeader({ name = 'file', typeflag = '0', size = 0, patch = [], checksum }: RawHeader = {}): Buffer {
  const block = Buffer.alloc(512);
  block.set(Buffer.from(name), 0);
  block.write(`0000644\0${'0000000\0'.repeat(2)}`, 100, 'latin1');
  block.set(typeof size === 'number' ? Buffer.from(size.toString(8).padStart(11, '0')) : Buffer.from(size), 124);
  block.write('00000000000', 136, 'latin1');
  block.write(typeflag, 156, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  for (const [offset, bytes] of patch) block.set(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, offset);
  block.fill(' ', 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(checksum ?? `${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Bytes filled up with zeros to a whole block. */
export function rawBody(bytes: string | Uint8Array): Buffer {
  const body = Buffer.from(bytes);
  return Buffer.concat([body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
}

/** An extended header (`x`, `g`, `L`, `K`) with its body. */
export function rawExtended(typeflag: string, bytes: string | Uint8Array): Buffer {
  return Buffer.concat([rawHeader({ name: 'extended', typeflag, size: Buffer.from(bytes).length }), rawBody(bytes)]);
}

/** One PAX record. */
export function rawRecord(keyword: string, value: string): string {
  const rest = Buffer.byteLength(` ${keyword}=${value}\n`);
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length++;
  return `${length} ${keyword}=${value}\n`;
}

export const endOfTar: Buffer = Buffer.alloc(1024);
