import { closeSync, fstatSync, openSync, type BigIntStats } from 'node:fs';
import { asImageError, ImageError } from '../../errors.ts';
import { parseWimHeader, wimHeaderSize, type WimHeader } from './wim-header.ts';
import type { WimLimits } from './wim-limits.ts';
import { readFully } from './wim-resource.ts';

/** One open WIM file: its descriptor, which worker threads read too, and its header. */
export class WimFile implements Disposable {
  readonly path: string;
  readonly descriptor: number;
  readonly size: number;
  readonly header: WimHeader;
  readonly #stats: BigIntStats;

  /** @throws ImageError `not-found`, `permission`; else as `parseWimHeader` */
  constructor(path: string, limits: WimLimits) {
    this.path = path;
    try {
      this.descriptor = openSync(path, 'r');
    } catch (error) {
      throw asImageError(error, `cannot open ${path}`);
    }
    try {
      this.#stats = fstatSync(this.descriptor, { bigint: true });
      if (!this.#stats.isFile())
        throw new ImageError(
          'invalid-argument',
          `${path} is ${this.#stats.isDirectory() ? 'a folder' : 'no regular file'}, not a WIM file`,
        );
      this.size = Number(this.#stats.size);
      const length = Math.min(this.size, wimHeaderSize);
      this.header = parseWimHeader(readFully(this, 0, length), path, limits);
    } catch (error) {
      closeSync(this.descriptor);
      throw asImageError(error, `cannot read ${path}`);
    }
  }

  /** @throws ImageError `unavailable` where somebody has written to it since it was opened */
  refuseChanged(): void {
    const { size, mtimeNs } = fstatSync(this.descriptor, { bigint: true });
    if (size !== this.#stats.size || mtimeNs !== this.#stats.mtimeNs) throw this.#changed();
  }

  /** The error of a read that found the end of the file where bytes should have been. */
  endsAt(at: number): ImageError {
    if (at < this.size) return this.#changed();
    return new ImageError('invalid-content', `${this.path}: the file ends at ${at}, in the middle of what is to be read`);
  }

  #changed(): ImageError {
    return new ImageError('unavailable', `${this.path} changed while it was read`, {
      hint: 'Wait until whoever writes it has finished, and try again.',
    });
  }

  [Symbol.dispose](): void {
    closeSync(this.descriptor);
  }
}
