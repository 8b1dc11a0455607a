const rowSize = 50;

/** Where a resource is, as it is written (a resource header). */
export interface WrittenResource {
  readonly offset: number;
  /** Bytes in the file. */
  readonly packed: number;
  /** Bytes unpacked. */
  readonly size: number;
  readonly flags: number;
}

/** A WIM's lookup table in the making: rows as they will stand in the file, found by the SHA-1 of what they stand for. */
export class BlobTable {
  count = 0;
  #rows = Buffer.alloc(1024 * rowSize);
  /** Open addressing: a row's number + 1, or 0. */
  #places = new Int32Array(4096);

  /** @returns the row of these 20 bytes, or -1 */
  find(sha1: Uint8Array): number {
    const row = this.#places[this.#place(sha1)]!;
    return row - 1;
  }

  /** A row for what is not in the table yet. */
  add(sha1: Uint8Array): number {
    if (2 * this.count >= this.#places.length) this.#widen();
    const row = this.count++;
    if (this.count * rowSize > this.#rows.length) this.#rows = Buffer.concat([this.#rows, Buffer.alloc(this.#rows.length)]);
    this.#rows.set(sha1, row * rowSize + 30);
    this.#places[this.#place(sha1)] = row + 1;
    return row;
  }

  /** One more stream has it. */
  refer(row: number): void {
    const at = row * rowSize + 26;
    this.#rows.writeUInt32LE(this.#rows.readUInt32LE(at) + 1, at);
  }

  /** 20 bytes, as they are in the table. */
  sha1(row: number): Uint8Array {
    return this.#rows.subarray(row * rowSize + 30, (row + 1) * rowSize);
  }

  set(row: number, resource: WrittenResource): void {
    writeResourceHeader(this.#rows, row * rowSize, resource);
    this.#rows.writeUInt16LE(1, row * rowSize + 24);
  }

  /** All rows, in the order in which they were added. */
  bytes(): Buffer {
    return this.#rows.subarray(0, this.count * rowSize);
  }

  #place(sha1: Uint8Array): number {
    const mask = this.#places.length - 1;
    let place = (sha1[0]! | (sha1[1]! << 8) | (sha1[2]! << 16) | (sha1[3]! << 24)) & mask;
    for (let row = this.#places[place]!; row !== 0; row = this.#places[place]!) {
      const at = (row - 1) * rowSize + 30;
      if (this.#rows.compare(sha1, 0, 20, at, at + 20) === 0) break;
      place = (place + 1) & mask;
    }
    return place;
  }

  #widen(): void {
    this.#places = new Int32Array(2 * this.#places.length);
    for (let row = 0; row < this.count; row++) {
      this.#places[this.#place(this.sha1(row))] = row + 1;
    }
  }
}

/** 24 bytes. */
export function writeResourceHeader(bytes: Buffer, at: number, { offset, packed, size, flags }: WrittenResource): void {
  bytes.writeUIntLE(packed, at, 6);
  bytes[at + 6] = 0;
  bytes[at + 7] = flags;
  bytes.writeBigUInt64LE(BigInt(offset), at + 8);
  bytes.writeBigUInt64LE(BigInt(size), at + 16);
}
