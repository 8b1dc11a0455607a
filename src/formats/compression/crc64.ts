/** CRC-64 as .xz takes it (polynomial of ECMA-182, reflected). Computed in halves of 32 bits: BigInt would be a hundred times slower. */
export class Crc64 {
  #low = -1;
  #high = -1;

  update(bytes: Uint8Array): void {
    const { low: tableLow, high: tableHigh } = (tables ??= makeTables());
    let low = this.#low;
    let high = this.#high;
    for (let i = 0; i < bytes.length; i++) {
      const index = (low ^ bytes[i]!) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ tableLow[index]!;
      high = (high >>> 8) ^ tableHigh[index]!;
    }
    this.#low = low;
    this.#high = high;
  }

  get value(): bigint {
    return (BigInt(~this.#high >>> 0) << 32n) | BigInt(~this.#low >>> 0);
  }
}

let tables: { readonly low: Int32Array; readonly high: Int32Array } | undefined;

function makeTables() {
  const low = new Int32Array(256);
  const high = new Int32Array(256);
  for (let i = 0; i < 256; i++) {
    let value = BigInt(i);
    for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ 0xc96c5795d7870f42n : value >> 1n;
    low[i] = Number(value & 0xffff_ffffn);
    high[i] = Number(value >> 32n);
  }
  return { low, high };
}
