/**
 * Docker's progress: on a terminal a row for each id, rewritten in place; elsewhere a plain line for each step, without the
 * counts in between.
 *
 * The rows are the last lines on the screen, and the cursor is below them. They are painted at most ten times a second,
 * all in one write. Where there are more rows than lines, finished ones leave the region upwards, as plain lines, and what
 * still does not fit is counted in a last line: the cursor never has to go above the screen, where docker's display breaks.
 */

import type { Terminal } from './terminal.ts';
import { humanSize } from './units.ts';

export interface ProgressLine {
  readonly id: string;
  readonly status: string;
  /** Bytes that are there, and all of them. A line that has them is shown on terminals only. */
  readonly current?: number;
  readonly total?: number;
}

const interval = 100;
const finished = /^(Pull complete|Already exists|Layer already exists|Pushed|Mounted from|Skipped|Loaded|Unavailable)/;

export class ProgressRows implements Disposable {
  readonly #terminal: Terminal;
  readonly #rows = new Map<string, ProgressLine>();
  /** The lines on the screen, from the top of the region to the cursor. */
  #painted: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #lastPaint = -interval;
  #dirty = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** A step of the thing named by `id`. */
  row(line: ProgressLine): void {
    if (!this.#terminal.isTTY.stdout) {
      if (!line.current && !line.total) this.#terminal.stdout.write(`${line.id}: ${line.status}\n`);
      return;
    }
    this.#rows.set(line.id, line);
    this.#dirty = true;
    const wait = this.#lastPaint + interval - performance.now();
    if (wait <= 0) this.#paint();
    else this.#timer ??= setTimeout(() => this.#paint(), wait).unref();
  }

  /** A line of its own, below the rows. The rows stay as they are; later ones are a new region. */
  line(text: string): void {
    this.#paint();
    this.#rows.clear();
    this.#painted = [];
    this.#terminal.stdout.write(`${text}\n`);
  }

  /** Shows the last state. Call it, or `using` it, before anything else is written. */
  [Symbol.dispose](): void {
    this.#paint();
    this.#rows.clear();
    this.#painted = [];
  }

  #paint(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#lastPaint = performance.now();

    const columns = this.#terminal.columns();
    const height = Math.max(1, this.#terminal.rows() - 1);
    const leaving: string[] = [];
    for (const [id, line] of this.#rows) {
      if (this.#rows.size <= height) break;
      if (!finished.test(line.status)) continue;
      leaving.push(rowText(line, columns));
      this.#rows.delete(id);
    }
    let lines = [...this.#rows.values()].map((line) => rowText(line, columns));
    if (lines.length > height) {
      const more = lines.length - (height - 1);
      lines = [...lines.slice(0, height - 1), `… and ${more} more`];
    }

    // A window made narrower has wrapped the old lines: they are taller than they were.
    const old = this.#painted.reduce((sum, text) => sum + Math.max(1, Math.ceil(text.length / columns)), 0);
    const up = old > 0 ? `\u001b[${Math.min(old, height)}A\r` : '';
    this.#terminal.stdout.write(`${up}${[...leaving, ...lines].map((text) => `\u001b[2K${text}\n`).join('')}\u001b[0J`);
    this.#painted = lines;
  }
}

/** `aaa: Downloading [====>      ]  1.235MB/3.4MB`, the bar only where the terminal is wider than 110 cells, as docker's. */
function rowText({ id, status, current = 0, total = 0 }: ProgressLine, columns: number): string {
  let text = `${id}: ${status}`;
  if (total > 0) {
    const done = Math.min(50, Math.trunc(Math.trunc((current / total) * 100) / 2));
    const bar = columns > 110 ? `[${'='.repeat(done)}>${' '.repeat(50 - done)}] ` : '';
    const size = humanSize(current, 4).padStart(8);
    text += ` ${bar}${current > total ? size : `${size}/${humanSize(total, 4)}`}`;
  } else if (current > 0) text += ` ${humanSize(current, 4).padStart(8)}`;
  return text.slice(0, columns - 1);
}
