import { fstatSync, writeSync } from 'node:fs';
import type { Writable } from 'node:stream';

import { asImageError, ImageError, isSystemError } from '../../errors.ts';

/** Width and height where it is a terminal, in cells. */
type Stream = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

/**
 * stdout of this process. Node takes 6 ms to open a stream to a pipe and 2 for one to a file, of the 60 of a whole command that prints a line:
 * texts go to both without it. Once it is open it has all.
 */
export class StandardOutput {
  readonly #ended: (failed: ImageError | undefined) => void;
  readonly #direct = isPipeOrFile();
  #opened: Stream | undefined;
  #failed: ImageError | undefined;

  /** @param ended called when nothing more can be written: with the reason, or without one where the reader has gone */
  constructor(ended: (failed: ImageError | undefined) => void) {
    this.#ended = ended;
  }

  get stream(): Stream {
    if (this.#opened) return this.#opened;
    const { stdout } = process;
    stdout.on('error', (error) => this.#end(error));
    return (this.#opened = stdout);
  }

  get isTTY(): boolean {
    return !this.#direct && this.stream.isTTY === true;
  }

  /** All of the text, in the order of the calls and of what is written to the stream. */
  print(text: string): void {
    if (!this.#direct || this.#opened) {
      this.stream.write(text);
      return;
    }
    let left = Buffer.from(text);
    try {
      while (left.length > 0) left = left.subarray(writeSync(1, left));
    } catch (error) {
      // A full pipe that does not block is waited for by the stream.
      if (isSystemError(error, 'EAGAIN')) this.stream.write(left);
      else this.#end(error as Error);
    }
  }

  /** Whether the reader has taken all that was written. */
  get flushed(): boolean {
    return (this.#opened?.writableLength ?? 0) === 0;
  }

  /** Why not all of it was taken: undefined where it was, and where the reader did not want more. */
  get lost(): ImageError | undefined {
    // The stream knows at once; the event comes a moment later, and a stream of this process forgets then.
    const error = this.#opened?.errored;
    return this.#failed ?? (error ? failure(error) : undefined);
  }

  #end(error: Error): void {
    this.#failed = failure(error);
    this.#ended(this.#failed);
  }
}

/** That nobody reads any more is said in several ways: Windows says EOF of some pipes, Linux ECONNRESET of a socket whose reader left something unread. */
const gone: ReadonlySet<string | undefined> = new Set(['EPIPE', 'EOF', 'ECONNRESET']);

function failure(error: NodeJS.ErrnoException): ImageError | undefined {
  if (gone.has(error.code)) return undefined;
  const { code, message } = asImageError(error, 'cannot write the output');
  return new ImageError(code, message, { hint: 'What has been written is not the whole.', cause: error });
}

/** False for a terminal, for what is not open, and on Windows, whose pipes only a stream can write to without losing something. */
function isPipeOrFile(): boolean {
  if (process.platform === 'win32') return false;
  try {
    const facts = fstatSync(1);
    return facts.isFIFO() || facts.isFile() || facts.isSocket();
  } catch {
    return false;
  }
}
