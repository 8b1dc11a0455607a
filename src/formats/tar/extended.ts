/** The headers in front of an entry that say more about it: PAX `x` and `g`, GNU's long name `L` and long link target `K`. */

import { ImageError } from '../../errors.ts';
import { decodeName } from './name.ts';
import { parsePax } from './pax.ts';

/** What a global header may not say: it would rename or resize every entry, and other readers would see other trees. */
const onlyLocal = /^(path|linkpath|size|GNU\.sparse\..*)$/;

/** Characters of all global records in force. Small: they are copied for entries that have records of their own, and real ones are a line. */
const maxGlobal = 16 << 10;

export class ExtendedHeaders {
  /** The entry's own records in order. */
  local: [keyword: string, value: string][] = [];
  longName: string | undefined;
  longLink: string | undefined;
  #global: ReadonlyMap<string, string> = new Map();

  /** True if nothing was said of the next entry alone. */
  get isEmpty(): boolean {
    return this.local.length === 0 && this.longName === undefined && this.longLink === undefined;
  }

  /** Takes the body of an extended header. Of two for one entry the later counts. */
  add(typeflag: string, bytes: Uint8Array): void {
    switch (typeflag) {
      case 'x':
        this.local = parsePax(bytes);
        break;
      case 'g':
        this.#addGlobal(parsePax(bytes));
        break;
      default: {
        const end = bytes.indexOf(0);
        const name = decodeName(end === -1 ? bytes : bytes.subarray(0, end));
        if (typeflag === 'L') this.longName = name;
        else this.longLink = name;
      }
    }
  }

  /** All records that hold for the next entry. The map is shared by entries that have none of their own: it is never changed. */
  merged(): ReadonlyMap<string, string> {
    if (this.local.length === 0) return this.#global;
    return this.#global.size === 0 ? new Map(this.local) : new Map([...this.#global, ...this.local]);
  }

  clear(): void {
    if (this.local.length > 0) this.local = [];
    this.longName = this.longLink = undefined;
  }

  #addGlobal(records: [keyword: string, value: string][]): void {
    const global = new Map(this.#global);
    for (const [keyword, value] of records) {
      if (onlyLocal.test(keyword))
        throw new ImageError('invalid-content', `a global PAX header sets ${JSON.stringify(keyword)}, which only an entry's own may`);
      if (value === '') global.delete(keyword);
      else global.set(keyword, value);
    }
    let length = 0;
    for (const [keyword, value] of global) length += keyword.length + value.length;
    if (length > maxGlobal) throw new ImageError('too-large', `its global PAX headers have more than ${maxGlobal} characters`);
    this.#global = global;
  }
}
