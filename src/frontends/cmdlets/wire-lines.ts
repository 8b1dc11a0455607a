import type { Readable } from 'node:stream';
import { ImageError } from '../../errors.ts';

/** Characters of one line: PowerShell sends parameters, which no one makes so long. */
const longest = 64 << 20;

/** Lines of a stream, one at a time. */
export class WireLines {
  readonly #source: Readable;
  readonly #onEnd: () => void;
  readonly #lines: string[] = [];
  #rest = '';
  #ended = false;
  #wake: (() => void) | undefined;

  /** @param onEnd called when the other side has gone, or has no more to say */
  constructor(source: Readable, onEnd: () => void) {
    this.#source = source;
    this.#onEnd = onEnd;
    source.setEncoding('utf8');
    source.on('data', (text: string) => this.#take(text));
    for (const event of ['end', 'close', 'error']) source.on(event, () => this.#end());
  }

  /** The next line without its end; undefined after the last, and after `patience` milliseconds without one. @throws ImageError `too-large` */
  async next(patience?: number): Promise<string | undefined> {
    if (this.#lines.length === 0 && !this.#ended)
      await new Promise<void>((resolve) => {
        const timer = patience === undefined ? undefined : setTimeout(resolve, patience);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    this.#wake = undefined;
    if (this.#rest.length > longest) throw new ImageError('too-large', 'PowerShell sent a line that never ends');
    return this.#lines.shift();
  }

  /** Nothing more is read; what is left open would keep the process. */
  close(): void {
    this.#source.pause();
    this.#source.destroy();
  }

  #take(text: string): void {
    if (this.#rest.length > longest) return;
    // Windows PowerShell begins a pipe with a mark where the console's code page is UTF-8.
    const lines = (this.#rest + text.replace(/^\uFEFF/, '')).split('\n');
    this.#rest = lines.pop() ?? '';
    this.#lines.push(...lines);
    if (lines.length > 0 || this.#rest.length > longest) this.#wake?.();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#wake?.();
    this.#onEnd();
  }
}
