/**
 * The tar reader's core: bytes are pushed in, events are pulled out. Synchronous, so that a worker can walk a layer at full speed;
 * `readTar` puts an async face on it and `indexTar` one that seeks.
 *
 *     parser.push(chunk);
 *     for (let event; (event = parser.next()); ) …      // until undefined: push more, or end()
 *
 * Per entry the events are `entry`, then any of `data` and `hole`, then `end`. It holds one block or one set of extended headers,
 * never a body, and allocates nothing by a number that the archive names before the bytes are there.
 *
 * Where dialects and readers differ it reads as Go's archive/tar does, since that is what reads layers elsewhere: links, folders and
 * devices have no body whatever their size says; a typeflag `\0` with a name ending in `/` is a folder, `0` is not; the archive ends
 * with two zero blocks or, behind an entry's last byte, with the file; what follows is not looked at. It refuses more: global records that would
 * rename or resize entries.
 */

import { type ErrorCode, ImageError } from '../../errors.ts';
import { blockSize, checksumHolds, isZeroBlock, number, text } from './block.ts';
import { defaultTarLimits, type SparsePiece, type TarEntry, type TarLimits } from './entry.ts';
import { ExtendedHeaders } from './extended.ts';
import { readHeader, type Draft } from './header.ts';
import { LeadingMap, addOldGnuPairs, checkMap } from './sparse.ts';

/** `entry`: look at `parser.entry`. `data`: `parser.data` is the next piece of its body. `hole`: `parser.hole` zeros come next. `end`: no more of it. */
export type TarEvent = 'entry' | 'data' | 'hole' | 'end';

type State =
  | 'header'
  | 'second-zero-block'
  | 'extended' // the body of a PAX header or a GNU long name
  | 'sparse-blocks' // old GNU extension blocks
  | 'sparse-map' // format 1.0's map in front of the body
  | 'body'
  | 'padding'
  | 'done';

const nothing = new Uint8Array(0);

export class TarParser {
  /** The entry of the last `entry` event. */
  entry!: TarEntry;
  /** With `data`: a view into the chunk pushed, valid until the next push. */
  data: Uint8Array = nothing;
  /** With `hole`: how many zeros. */
  hole = 0;

  readonly #limits: TarLimits;
  #state: State = 'header';
  #chunk: Uint8Array = nothing;
  #at = 0;
  #base = 0; // where in the archive #chunk begins
  #held = Buffer.alloc(0); // bytes of a block that began in an earlier chunk
  #heldLength = 0;

  #entries = 0;
  #holes = 0;
  #trailing = 0;
  readonly #extended = new ExtendedHeaders();
  #extendedType = '';
  #extendedSize = 0;
  #draft: Draft | undefined;
  #map: SparsePiece[] = [];
  #leading: LeadingMap | undefined;
  #metadata = 0; // bytes in front of this entry's body so far
  #headerOffset = 0; // of the first block that belongs to the entry being read
  #open = false; // between `entry` and `end`
  #skipping = false;
  #stored = 0; // of the body, still to come
  #padding = 0;
  #logical = 0; // how far into a sparse file we are
  #piece = 0;

  constructor(limits: Partial<TarLimits> = {}) {
    this.#limits = { ...defaultTarLimits, ...limits };
  }

  /** True once the two zero blocks were seen. */
  get done(): boolean {
    return this.#state === 'done';
  }

  /** Where in the archive the next byte to be read lies. */
  get position(): number {
    return this.#base + this.#at;
  }

  /** Gives the next bytes of the archive; all earlier ones must have been used up (`next` returned undefined). */
  push(chunk: Uint8Array): void {
    if (this.#at < this.#chunk.length) throw new ImageError('internal', 'a tar parser was given bytes before it had read the last ones');
    this.#base += this.#chunk.length;
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** The next event in the bytes at hand; undefined when they are used up. Throws `invalid-content`, `too-large`, `unsupported`. */
  next(): TarEvent | undefined {
    for (;;) {
      switch (this.#state) {
        case 'header': {
          const offset = this.position - this.#heldLength;
          const block = this.#take(blockSize);
          if (!block) return undefined;
          if (this.#header(block, offset)) return 'entry';
          break;
        }
        case 'second-zero-block': {
          const block = this.#take(blockSize);
          if (!block) return undefined;
          if (!isZeroBlock(block)) throw this.#refuse('an entry follows a single block of zeros');
          this.#state = 'done';
          break;
        }
        case 'extended': {
          const bytes = this.#take(padded(this.#extendedSize));
          if (!bytes) return undefined;
          this.#about(() => this.#extended.add(this.#extendedType, bytes.subarray(0, this.#extendedSize)));
          this.#state = 'header';
          break;
        }
        case 'sparse-blocks': {
          const block = this.#take(blockSize);
          if (!block) return undefined;
          this.#count(blockSize);
          if (this.#about(() => addOldGnuPairs(block, false, this.#map))) break;
          this.#openBody(this.#draft!, this.#map);
          return 'entry';
        }
        case 'sparse-map': {
          const block = this.#take(blockSize);
          if (!block) return undefined;
          this.#count(blockSize);
          const draft = this.#draft!;
          draft.stored -= blockSize;
          if (draft.stored < 0) throw this.#refuse('its sparse map is longer than its body');
          const map = this.#about(() => this.#leading!.add(block));
          if (!map) break;
          this.#leading = undefined;
          this.#openBody(draft, map);
          return 'entry';
        }
        case 'body': {
          const event = this.#body();
          if (event) return event;
          if (this.#state === 'body') return undefined;
          break;
        }
        case 'padding': {
          this.#drop();
          if (this.#padding > 0) return undefined;
          this.#state = 'header';
          this.#open = false;
          return 'end';
        }
        case 'done': {
          this.#trailing += this.#chunk.length - this.#at;
          this.#at = this.#chunk.length;
          if (this.#trailing > this.#limits.trailing) {
            throw new ImageError('too-large', `more than ${this.#limits.trailing} bytes follow the end of the tar archive`);
          }
          return undefined;
        }
      }
    }
  }

  /** No `data` and `hole` events for the rest of this entry. */
  skip(): void {
    this.#skipping = true;
  }

  /**
   * Leaves the rest of this entry's body out: returns how many bytes the next chunk must begin behind the end of the last one.
   * Between `entry` and `end` only.
   */
  jump(): number {
    if (!this.#open) return 0;
    const rest = this.#stored + this.#padding;
    const here = Math.min(rest, this.#chunk.length - this.#at);
    this.#at += here;
    this.#stored = this.#padding = 0;
    this.#state = 'padding';
    if (here < rest) this.#base += rest - here;
    return rest - here;
  }

  /** Says that no more bytes come: an entry that was open may still have its `end`. Throws `invalid-content` if the archive was cut off. */
  end(): void {
    // umoci 0.4's layers end with the last file's last byte
    if (this.#state === 'padding' && this.#stored === 0) {
      this.#padding = 0;
      return;
    }
    if (this.#state === 'done' || this.#state === 'second-zero-block') {
      if (this.#heldLength === 0) return;
    } else if (this.#state === 'header' && this.#heldLength === 0 && this.#extended.isEmpty) return;
    throw this.#refuse('the archive ends too early');
  }

  /** Takes a header block. True if it opened an entry. */
  #header(block: Uint8Array, offset: number): boolean {
    if (this.#extended.isEmpty) {
      this.#headerOffset = offset;
      this.#metadata = 0;
    }
    if (isZeroBlock(block)) {
      if (!this.#extended.isEmpty) throw this.#refuse('the archive ends after an extended header');
      this.#state = 'second-zero-block';
      return false;
    }
    if (!checksumHolds(block)) throw this.#refuse('this is not a tar header: its checksum is wrong');
    const typeflag = String.fromCharCode(block[156]!);
    const isExtended = typeflag === 'x' || typeflag === 'g' || typeflag === 'L' || typeflag === 'K';
    // a global header belongs to no entry whose own metadata is counted: it counts as one
    if ((!isExtended || typeflag === 'g') && ++this.#entries > this.#limits.entries) {
      throw new ImageError('too-large', `the tar archive has more than ${this.#limits.entries} entries`);
    }
    if (isExtended) {
      this.#extendedType = typeflag;
      this.#extendedSize = this.#about(() => number(block, 'size'));
      if (this.#extendedSize < 0) throw this.#refuse('an extended header has a negative size');
      this.#count(blockSize + this.#extendedSize);
      this.#state = 'extended';
      return false;
    }
    const draft = this.#about(() => readHeader(block, typeflag, this.#extended, this.#limits), text(block, 'name'));
    this.#extended.clear();
    this.#draft = draft;
    this.#map = [];
    switch (draft.sparse) {
      case 'leading-map':
        this.#leading = new LeadingMap();
        this.#state = 'sparse-map';
        return false;
      case 'old-gnu':
        if (this.#about(() => addOldGnuPairs(block, true, this.#map), draft.path)) {
          this.#state = 'sparse-blocks';
          return false;
        }
        this.#openBody(draft, this.#map);
        return true;
      default:
        this.#openBody(draft, draft.sparse);
        return true;
    }
  }

  #openBody(draft: Draft, sparse: readonly SparsePiece[] | undefined): void {
    if (sparse) {
      this.#about(() => checkMap(sparse, draft.size, draft.stored), draft.path);
      this.#holes += draft.size - draft.stored;
      if (this.#holes > this.#limits.holes) throw this.#refuse('the sparse files of the archive are too large', 'too-large', draft.path);
    }
    this.entry = {
      path: draft.path,
      type: draft.type,
      typeflag: draft.typeflag,
      mode: draft.mode,
      uid: draft.uid,
      gid: draft.gid,
      uname: draft.uname,
      gname: draft.gname,
      size: draft.size,
      mtime: draft.mtime,
      linkname: draft.linkname,
      devmajor: draft.devmajor,
      devminor: draft.devminor,
      pax: draft.pax,
      headerOffset: this.#headerOffset,
      bodyOffset: this.position,
      storedSize: draft.stored,
      sparse,
    };
    this.#draft = undefined;
    this.#open = true;
    this.#skipping = false;
    this.#stored = draft.stored;
    this.#padding = padded(draft.stored) - draft.stored;
    this.#logical = 0;
    this.#piece = 0;
    this.#state = 'body';
  }

  /** Hands out what is stored and what is left out of it; undefined with state `body` when the chunk is used up. */
  #body(): TarEvent | undefined {
    const { sparse, size } = this.entry;
    if (this.#skipping) {
      this.#drop();
      if (this.#stored === 0) this.#state = 'padding';
      return undefined;
    }
    let rest = this.#stored;
    if (sparse) {
      while (this.#piece < sparse.length && sparse[this.#piece]!.offset + sparse[this.#piece]!.length <= this.#logical) this.#piece++;
      const piece = sparse[this.#piece];
      const next = piece?.offset ?? size;
      if (next > this.#logical) {
        this.hole = next - this.#logical;
        this.#logical = next;
        return 'hole';
      }
      rest = piece ? piece.offset + piece.length - this.#logical : 0;
    }
    if (rest === 0) {
      this.#state = 'padding';
      return undefined;
    }
    const length = Math.min(rest, this.#chunk.length - this.#at);
    if (length === 0) return undefined;
    this.data = length === this.#chunk.length ? this.#chunk : this.#chunk.subarray(this.#at, this.#at + length);
    this.#at += length;
    this.#stored -= length;
    this.#logical += length;
    return 'data';
  }

  /** Passes over what the chunk has of the body (when skipping) and the padding. */
  #drop(): void {
    const body = Math.min(this.#stored, this.#chunk.length - this.#at);
    this.#stored -= body;
    this.#at += body;
    if (this.#stored > 0) return;
    const padding = Math.min(this.#padding, this.#chunk.length - this.#at);
    this.#padding -= padding;
    this.#at += padding;
  }

  /** The next `length` bytes in one piece, or undefined if the chunk ends before: then they are kept until the next push. Valid until the next call. */
  #take(length: number): Uint8Array | undefined {
    const here = this.#chunk.length - this.#at;
    if (this.#heldLength === 0 && here >= length) {
      this.#at += length;
      return this.#chunk.subarray(this.#at - length, this.#at);
    }
    const count = Math.min(here, length - this.#heldLength);
    if (this.#heldLength + count > this.#held.length) {
      const larger = Buffer.alloc(Math.max(2 * this.#held.length, this.#heldLength + count, blockSize));
      larger.set(this.#held.subarray(0, this.#heldLength));
      this.#held = larger;
    }
    this.#held.set(this.#chunk.subarray(this.#at, this.#at + count), this.#heldLength);
    this.#at += count;
    this.#heldLength += count;
    if (this.#heldLength < length) return undefined;
    this.#heldLength = 0;
    return this.#held.subarray(0, length);
  }

  /** Counts bytes of metadata in front of one body. */
  #count(bytes: number): void {
    this.#metadata += bytes;
    if (this.#metadata > this.#limits.metadata + 4 * blockSize) {
      throw this.#refuse(`it has more than ${this.#limits.metadata} bytes of extended headers`, 'too-large');
    }
  }

  /** Runs `read`, and says in its error which entry it was about. */
  #about<T>(read: () => T, name?: string): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      throw this.#refuse(error.message, error.code, name);
    }
  }

  #refuse(why: string, code: ErrorCode = 'invalid-content', name?: string): ImageError {
    const offset = this.#open ? this.entry.headerOffset : this.#headerOffset;
    const path = name ?? this.#draft?.path ?? (this.#open ? this.entry.path : undefined);
    const where =
      path !== undefined ? `entry ${JSON.stringify(path)}` : this.entry ? `after entry ${JSON.stringify(this.entry.path)}` : 'its start';
    return new ImageError(code, `tar archive, ${where} (byte ${offset}): ${why}`, { detail: { path, offset } });
  }
}

function padded(size: number): number {
  return Math.ceil(size / blockSize) * blockSize;
}
