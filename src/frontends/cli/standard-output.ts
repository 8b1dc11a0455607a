import { fstatSync, writeSync } from 'node:fs';
import type { Writable } from 'node:stream';

/** Width and height where it is a terminal, in cells. */
type Stream = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

/**
 * stdout of this process. Node takes 6 ms to open a stream to a pipe and 2 for one to a file, of the 60 of a whole command that prints a line:
 * texts go to both without it. Once it is open it has all.
 */
export class StandardOutput {
  readonly #gone: () => void;
  readonly #direct = isPipeOrFile();
  #opened: Stream | undefined;

  /** @param gone what to do when the reader has gone */
  constructor(gone: () => void) {
    this.#gone = gone;
  }

  get stream(): Stream {
    if (this.#opened) return this.#opened;
    const { stdout } = process;
    stdout.on('error', (error: NodeJS.ErrnoException) => {
      // Windows says EOF of some pipes.
      if (error.code !== 'EPIPE' && error.code !== 'EOF') throw error;
      this.#gone();
    });
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
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') this.#gone();
      // A full pipe that does not block is waited for by the stream; any other error it meets itself.
      else this.stream.write(left);
    }
  }

  /** Whether the reader has taken all that was written. */
  get flushed(): boolean {
    return (this.#opened?.writableLength ?? 0) === 0;
  }
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
