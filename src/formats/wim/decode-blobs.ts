import { createHash, type Hash } from 'node:crypto';
import { ImageError } from '../../errors.ts';
import { decodeAhead, type DecodeOptions } from './decode-ahead.ts';
import { DecodeError, wrongHash } from './decode-task.ts';
import type { LookupTable } from './lookup-table.ts';
import { planDecoding, type WantedBlob } from './plan-decoding.ts';
import type { WimBlob } from './wim-entry.ts';
import type { WimFile } from './wim-file.ts';
import type { WimPlace } from './wim-resource.ts';
import type { NewFile } from './write-new-file.ts';

export interface BlobToDecode {
  readonly blob: WimBlob;
  /** Its number in the lookup table, where who asks knows it. */
  readonly row?: number | undefined;
  /** What is to be made of it: by whoever decodes it where it comes as one piece, else by whoever gets the pieces. Asked for once before it is decoded, and not kept. */
  readonly files?: readonly NewFile[] | undefined;
}

/** What has been asked for, and not been given. Tens of thousands may be under way: what can be told again is not kept. */
class Waiting<B extends BlobToDecode> implements WantedBlob {
  readonly asked: B;
  /** By the table: who asks may not know it. */
  readonly size: number;
  readonly #table: LookupTable;
  /** -1 where there are no bytes. */
  readonly #row: number;

  constructor(asked: B, table: LookupTable, row: number) {
    this.asked = asked;
    this.size = row < 0 ? 0 : table.size(row);
    this.#table = table;
    this.#row = row;
  }

  get place(): WimPlace {
    return this.#row < 0 ? nowhere : this.#table.place(this.#row);
  }

  get sha1(): string {
    return this.asked.blob.sha1;
  }

  get files(): readonly NewFile[] | undefined {
    return this.asked.files;
  }
}

/** A blob, or a piece of one. */
export interface BlobPiece<B extends BlobToDecode> {
  readonly asked: B;
  /** Of the first byte, in the blob. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** The last piece; only then is the content known to be right. */
  readonly isLast: boolean;
}

/**
 * Decodes blobs in the order given, ahead of who asks. Each step of the iteration gives pieces in the order of their blobs, and their bytes are good until the next step.
 * A blob without bytes comes as a piece without bytes.
 * @throws ImageError `incomplete` for a blob that is in none of the files; `invalid-content`, `digest-mismatch`; `unavailable` where a file has changed; `canceled`
 */
export async function* decodeBlobs<B extends BlobToDecode>(
  blobs: Iterable<B>,
  { files, table }: { readonly files: readonly WimFile[]; readonly table: LookupTable },
  options: Pick<DecodeOptions, 'signal' | 'workers'> & { readonly explain: (blob: WimBlob) => Promise<string> },
): AsyncGenerator<BlobPiece<B>[], void, undefined> {
  /** From `first` on not given yet; `number` is the number of that one. */
  let waiting: Waiting<B>[] = [];
  let first = 0;
  let number = 0;
  let missing: B | undefined;
  const wanted = function* (): Generator<WantedBlob, void, undefined> {
    for (const asked of blobs) {
      let { row } = asked;
      if (row === undefined) {
        const { sha1 } = asked.blob;
        row = sha1 === '' ? -1 : table.find(Buffer.from(sha1, 'hex'));
        if (row < 0 && sha1 !== '') {
          missing = asked;
          return;
        }
      }
      const wanted = new Waiting(asked, table, row);
      waiting.push(wanted);
      yield wanted;
    }
  };
  let hash: Hash | undefined;
  let offset = 0;
  const take = (): B => {
    number++;
    const { asked } = waiting[first++] as Waiting<B>;
    // Not each time: what is behind would be moved for each.
    if (first > 10_000 && first * 2 > waiting.length) {
      waiting = waiting.slice(first);
      first = 0;
    }
    return asked;
  };
  const empty = (asked: B): BlobPiece<B> => ({ asked, offset: 0, bytes: noBytes, isLast: true });
  try {
    for await (const { parts, bytes } of decodeAhead(
      planDecoding(wanted()),
      files.map(({ descriptor }) => descriptor),
      { chunkSize: largestChunk(files, table), signal: options.signal, workers: options.workers },
    )) {
      const pieces: BlobPiece<B>[] = [];
      for (let part = 0; part < parts.count; part++) {
        while (number < parts.index(part)) pieces.push(empty(take()));
        const { asked, size } = waiting[first] as Waiting<B>;
        const piece = parts.bytes(part, bytes);
        const isLast = offset + piece.length === size;
        pieces.push({ asked, offset, bytes: piece, isLast });
        if (!parts.isChecked(part)) {
          hash ??= createHash('sha1');
          hash.update(piece);
        }
        offset += piece.length;
        if (!isLast) continue;
        const found = hash?.digest('hex');
        if (found !== undefined && found !== asked.blob.sha1) throw new DecodeError(number, -1, wrongHash(found, asked.blob.sha1));
        take();
        hash = undefined;
        offset = 0;
      }
      yield pieces;
    }
    if (missing) throw missingBlob(missing.blob, files[0]?.path ?? '', await options.explain(missing.blob));
    if (waiting.length > first) yield waiting.slice(first).map(({ asked }) => empty(asked));
    for (const file of files) file.refuseChanged();
  } catch (error) {
    // What reads as damage may be a file that somebody is writing.
    for (const file of files) file.refuseChanged();
    if (!(error instanceof DecodeError) || error.index < 0) throw error;
    const { blob } = (waiting[first + error.index - number] as Waiting<B>).asked;
    const row = table.find(Buffer.from(blob.sha1, 'hex'));
    const path = files[row < 0 ? 0 : table.place(row).resource.file]?.path;
    throw new ImageError(error.code, `${path}: blob ${blob.sha1}${await options.explain(blob)}: ${error.message}`, {
      hint: error.hint ?? 'The file is damaged: get it again from where it was made.',
      detail: { ...error.detail, sha1: blob.sha1 },
      cause: error,
    });
  }
}

/** Of all files: of a target that any chunk fits into. Bytes. */
export function largestChunk(files: readonly WimFile[], table: LookupTable): number {
  return Math.max(table.solidChunkSize, ...files.map(({ header }) => header.chunkSize));
}

const noBytes = new Uint8Array(0);
const nowhere: WimPlace = { resource: { file: 0, offset: 0, packedSize: 0, size: 0, codec: 'none', chunkSize: 0 }, from: 0 };

/** What to do about a blob that is in none of the files. */
export const missingBlobHint = 'Where it is a delta WIM, give its base too (--ref FILE); where it is none, the file is damaged.';

function missingBlob({ sha1 }: WimBlob, path: string, where: string): ImageError {
  return new ImageError('incomplete', `${path}: blob ${sha1}${where} is not in this file`, {
    hint: missingBlobHint,
    detail: { sha1 },
  });
}
