/** What the commands that read WIM files share: their flags, how the files are opened, which image is meant, and how far a long one is. */

import { resolve } from 'node:path';
import { ImageError } from '../../../errors.ts';
import { defaultWimLimits, type WimLimits } from '../../../formats/wim/wim-limits.ts';
import type { WimNode, WimTree } from '../../../formats/wim/wim-tree.ts';
import { Wim } from '../../../formats/wim/wim.ts';
import { printable } from '../../../io/printable.ts';
import type { LeftOutOfWim } from '../../../operations/extract-wim.ts';
import type { Flags } from '../grammar.ts';
import type { Terminal } from '../terminal.ts';
import { humanSize } from '../units.ts';

export const wimFileFlags = {
  limit: {
    type: 'list',
    value: 'name=number',
    help: `Raise a limit of what the file may ask for:\n${Object.keys(defaultWimLimits).join(', ')}`,
  },
  ref: { type: 'list', value: 'file', help: 'Another part of a split WIM, or the WIM\nthat a delta WIM relies on' },
} as const satisfies Flags;

export const indexFlag = { type: 'int', short: 'i', value: 'int', help: 'The image, from 1 (default: the only one)' } as const;

/** Parts are told from what a delta relies on by what they say themselves. */
export async function openWim(
  file: string,
  flags: { readonly limit: readonly string[]; readonly ref: readonly string[] },
  terminal: Terminal,
): Promise<Wim> {
  const limits = readLimits(flags.limit);
  const path = resolve(terminal.cwd, file);
  const others = flags.ref.map((other) => resolve(terminal.cwd, other));
  const [parts, base] = others.length === 0 ? [[], []] : Wim.sort(path, others, limits);
  const wim = await Wim.open([path, ...parts], { base, limits, signal: terminal.signal });
  for (const warning of wim.warnings) terminal.stderr.write(`WARNING: ${warning}\n`);
  return wim;
}

function readLimits(words: readonly string[]): Partial<WimLimits> {
  const limits: Partial<Record<keyof WimLimits, number>> = {};
  for (const word of words) {
    const [, name = '', digits = ''] = /^(\w+)=(\d{1,15})$/.exec(word) ?? [];
    if (!Object.hasOwn(defaultWimLimits, name))
      throw new ImageError('invalid-argument', `${JSON.stringify(word)} is no limit`, {
        hint: `Write NAME=NUMBER, with one of ${Object.keys(defaultWimLimits).join(', ')}.`,
      });
    limits[name as keyof WimLimits] = Number(digits);
  }
  return limits;
}

/** The number of the image that is meant. @throws ImageError `ambiguous` where there are several and none was named */
export function chosenIndex(wim: Wim, given: number | undefined): number {
  if (given !== undefined) return given;
  if (wim.images.length === 1) return 1;
  if (wim.images.length === 0) throw new ImageError('not-found', `${wim.path} has no image`);
  throw new ImageError('ambiguous', `${wim.path} has ${wim.images.length} images`, {
    hint: `Name one with --index: ${wim.images
      .slice(0, 20)
      .map(({ index, name }) => `${index} (${name})`)
      .join(', ')}${wim.images.length > 20 ? ', …' : '.'}`,
  });
}

/** @throws ImageError `not-found` */
export function findInImage(wim: Wim, index: number, tree: WimTree, path: string): WimNode {
  const node = tree.find(path);
  if (node) return node;
  throw new ImageError('not-found', `${wim.path}: image ${index} has no ${JSON.stringify(path)}`, {
    hint: 'Names are compared letter by letter; `bay wim ls` lists them.',
  });
}

export function warnLeftOut(terminal: Terminal, leftOut: readonly LeftOutOfWim[]): void {
  for (const { what, count, first } of leftOut)
    terminal.stderr.write(`WARNING: left out: ${what} of ${printable(first)}${count > 1 ? ` and ${count - 1} more` : ''}\n`);
}

/** A line on the terminal that says how much is done; none where stderr is no terminal. `using` it takes the line away. */
export class WimProgress implements Disposable {
  readonly #terminal: Terminal;
  readonly #what: string;
  #lastShown = 0;
  #isShown = false;

  constructor(terminal: Terminal, what: string) {
    this.#terminal = terminal;
    this.#what = what;
  }

  readonly show = (bytes: number, total: number): void => {
    if (!this.#terminal.isTTY.stderr || performance.now() - this.#lastShown < 100) return;
    this.#lastShown = performance.now();
    this.#isShown = true;
    const percent = total === 0 ? 100 : Math.floor((bytes / total) * 100);
    this.#terminal.stderr.write(`\r\u001b[K${this.#what} ${percent}% ${humanSize(bytes, 4)}/${humanSize(total, 4)}`);
  };

  [Symbol.dispose](): void {
    if (this.#isShown) this.#terminal.stderr.write('\r\u001b[K');
  }
}
