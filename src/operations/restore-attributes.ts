import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { WimAttribute } from '../formats/wim/wim-items.ts';

export interface NamedAttributes {
  /** Absolute. */
  readonly path: string;
  readonly attributes: readonly WimAttribute[];
}

/**
 * Gives files of Linux their extended attributes. Node cannot; `setfattr` of Debian's package `attr` can, if it is there.
 * @returns the paths that did not get all of theirs, or 'no-program'
 */
export async function restoreAttributes(files: Iterable<NamedAttributes>): Promise<readonly string[] | 'no-program'> {
  // Links get their own, they are not followed.
  const child = spawn('setfattr', ['--no-dereference', '--restore=-'], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  const ended = new Promise<boolean>((resolve) => {
    child.once('error', () => resolve(false));
    child.once('close', () => resolve(true));
  });
  const messages = readAll(child.stderr);
  // It may end before it has read all: what it says counts, and not that.
  await pipeline(dump(files), child.stdin).catch(() => undefined);
  if (!(await ended)) return 'no-program';
  const failed = new Set<string>();
  for (const line of (await messages).split('\n')) {
    const path = /^setfattr: (.*): [^:]*$/.exec(line)?.[1];
    if (path !== undefined) failed.add(path);
  }
  return [...failed];
}

async function readAll(stream: Readable): Promise<string> {
  let text = '';
  for await (const part of stream) text += String(part);
  return text;
}

/** The form that getfattr writes and setfattr reads. */
function* dump(files: Iterable<NamedAttributes>): Generator<string, void, undefined> {
  for (const { path, attributes } of files) {
    const lines = attributes.map(({ name, value }) => `${escaped(Buffer.from(name), true)}=0s${Buffer.from(value).toString('base64')}\n`);
    yield `# file: ${escaped(Buffer.from(path), false)}\n${lines.join('')}\n`;
  }
}

function escaped(bytes: Buffer, isName: boolean): string {
  let text = '';
  for (const byte of bytes) {
    const isPlain = byte > 0x20 && byte < 0x7f && byte !== 0x5c && !(isName && byte === 0x3d);
    text += isPlain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
  }
  return text;
}

/** Whether Linux has attributes of this name; those of Windows have others. */
export function isLinuxAttribute({ name }: WimAttribute): boolean {
  return /^(?:user|trusted|security|system)\../.test(Buffer.from(name).toString('latin1'));
}
