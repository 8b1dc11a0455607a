import { ImageError } from '../../errors.ts';

/** Bounds on what compressed bytes may unfold to. */
export interface DecompressLimits {
  /** Bytes. */
  readonly size: number;
  /** Bytes out per byte in, once more than `ratioFrom` bytes are out. */
  readonly ratio: number;
  /** Bytes. */
  readonly ratioFrom: number;
}

/**
 * Wide enough for every layer that somebody made on purpose: the largest Windows layers unfold to a few GB at 3:1, and a file of zeros
 * of some GB inside a layer is no bomb.
 */
export const defaultDecompressLimits: DecompressLimits = { size: 2 ** 40, ratio: 200, ratioFrom: 4 * 2 ** 30 };

/** Counts what goes into and comes out of a decoder. */
export class Passed {
  readonly what: string;
  readonly #limits: DecompressLimits;
  #in = 0;
  #out = 0;

  constructor(what: string, limits: DecompressLimits) {
    this.what = what;
    this.#limits = limits;
  }

  addInput(bytes: number): void {
    this.#in += bytes;
  }

  /** The error to fail with when these bytes are too many, undefined while they are not. */
  addOutput(bytes: number): ImageError | undefined {
    this.#out += bytes;
    const { size, ratio, ratioFrom } = this.#limits;
    if (this.#out <= size && (this.#out <= ratioFrom || this.#out <= ratio * this.#in)) return undefined;
    const why = this.#out > size ? `more than ${size} bytes` : `more than ${ratioFrom} bytes, at more than ${ratio} for one`;
    return new ImageError('too-large', `${this.what} data unfolds to ${why}: refused as a decompression bomb`, {
      detail: { compressed: this.#in, decompressed: this.#out },
    });
  }
}
