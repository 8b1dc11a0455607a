import { ImageError } from '../../errors.ts';
import { canceled } from '../../io/concurrently.ts';
import type { TarEntry, TarLimits } from './entry.ts';
import { TarParser } from './parser.ts';

/** One entry of a tar being read, with its bytes. */
export interface TarMember {
  readonly entry: TarEntry;
  /**
   * The entry's bytes, holes of sparse files as zeros. To be read before the next member is asked for: what is left then is skipped.
   * A second loop over it goes on where the first one stopped.
   */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface ReadTarOptions {
  readonly limits?: Partial<TarLimits> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a tar archive (v7, ustar, GNU, PAX, star; not compressed) entry by entry, with at most one chunk of the source in memory.
 *
 * The source is read to its end, past the end of the archive too, so that a digest taken of it is of all its bytes; a loop that is
 * left early ends the source as well. Chunks of bodies are views of the source's chunks.
 *
 * @throws ImageError `invalid-content` for what is no tar or ends too early, `too-large` past the limits, `unsupported` for a sparse
 *   file in no known format, `canceled`; the source's own errors as they are.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  options: ReadTarOptions = {},
): AsyncGenerator<TarMember, void, undefined> {
  const parser = new TarParser(options.limits);
  const chunks = source[Symbol.asyncIterator]();
  let ended = false;

  /** The parser's next event, with more of the source where it takes some; undefined at the end of the archive and the source. */
  const next = async () => {
    for (;;) {
      const event = parser.next();
      if (event || ended) return event;
      if (options.signal?.aborted) throw canceled(options.signal.reason);
      const chunk = await chunks.next();
      if (chunk.done) {
        ended = true;
        parser.end();
      } else parser.push(chunk.value);
    }
  };

  let current: TarEntry | undefined;
  let isOpen = false;
  try {
    for (;;) {
      if (isOpen) parser.skip();
      let event = await next();
      while (event === 'end') event = await next();
      current = event && parser.entry;
      if (!current) return;
      const entry = current;
      isOpen = true;
      yield { entry, body: { [Symbol.asyncIterator]: () => body(entry) } };
    }
  } finally {
    if (!ended) await chunks.return?.();
  }

  async function* body(entry: TarEntry): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      if (current !== entry)
        throw new ImageError('internal', `the body of ${JSON.stringify(entry.path)} was read after the next entry was asked for`);
      if (!isOpen) return;
      const event = await next();
      if (event === 'data') yield parser.data;
      else if (event === 'hole') yield* zeros(parser.hole);
      else isOpen = false;
    }
  }
}

const zeroChunk = new Uint8Array(64 << 10);

/** So many zeros, in chunks that are all views of the same bytes. */
export function* zeros(count: number): Generator<Uint8Array, void, undefined> {
  for (let rest = count; rest > 0; rest -= zeroChunk.length) yield rest < zeroChunk.length ? zeroChunk.subarray(0, rest) : zeroChunk;
}
