import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ImageError } from '../errors.ts';
import { canceled } from '../io/concurrently.ts';
import type { WimItem } from '../formats/wim/wim-entry.ts';
import { attributesItem, type WimAttribute } from '../formats/wim/wim-items.ts';

export interface FolderAttributes {
  /** By the path in the folder, '' for the folder itself: only of what has some. */
  readonly items: ReadonlyMap<string, WimItem>;
  /** Paths in the folder of what has one that is too large for a WIM. */
  readonly tooLarge: readonly string[];
}

/**
 * The extended attributes of a folder and all that is in it. Node cannot ask for them; `getfattr` of Debian's package `attr` can, if it is there. No link is followed.
 * @param folder absolute, and no link itself
 * @returns undefined where the program is not there
 * @throws ImageError `unavailable` where the program failed, for it may not have said all; `canceled`
 */
export async function readAttributes(folder: string, signal: AbortSignal | undefined): Promise<FolderAttributes | undefined> {
  const flags = ['--recursive', '--physical', '--no-dereference', '--dump', '--match=-', '--encoding=base64', '--absolute-names'];
  const child = spawn('getfattr', [...flags, '--', folder], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
    signal,
  });
  // Names stand in it as their bytes.
  child.stdout.setEncoding('latin1');
  let said = '';
  child.stderr.on('data', (part) => (said = (said + String(part)).slice(0, 1000)));
  const ended = new Promise<number | 'no-program'>((resolve) => {
    child.once('error', () => resolve('no-program'));
    child.once('close', (code) => resolve(code ?? 1));
  });
  const items = new Map<string, WimItem>();
  const tooLarge: string[] = [];
  // Where a system labels its files, most have the same.
  const known = new Map<string, WimItem>();
  let path = '';
  let lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout, crlfDelay: Infinity })) {
    if (line.startsWith('# file: ')) path = unescaped(line.slice(8)).toString().slice(folder.length).replace(/^\/+/, '');
    else if (line !== '') lines.push(line);
    else {
      const attributes = lines.map(attribute).filter(({ value }) => value.length <= 0xffff);
      if (attributes.length < lines.length) tooLarge.push(path);
      // The order of the file system is its own affair: the same folder is to give the same WIM.
      const text = lines.sort().join('\n');
      const item = known.get(text) ?? attributesItem(attributes.sort((a, b) => Buffer.compare(a.name, b.name)));
      if (known.size < 1000) known.set(text, item);
      if (attributes.length > 0) items.set(path, item);
      lines = [];
    }
  }
  const code = await ended;
  if (signal?.aborted) throw canceled(signal.reason);
  if (code === 'no-program') return undefined;
  if (code !== 0) throw new ImageError('unavailable', `cannot read the extended attributes in ${folder}: ${said.trim().split('\n', 1)[0]}`);
  return { items, tooLarge };
}

/** `NAME=0sBASE64`; with `=` in it escaped. */
function attribute(line: string): WimAttribute & { readonly name: Buffer } {
  const end = line.indexOf('=');
  const name = unescaped(end < 0 ? line : line.slice(0, end));
  return { name, value: Buffer.from(end < 0 ? '' : line.slice(end + 3), 'base64'), flags: 0 };
}

function unescaped(text: string): Buffer {
  return Buffer.from(
    text.replace(/\\([0-7]{3})/g, (_all, digits: string) => String.fromCharCode(parseInt(digits, 8))),
    'latin1',
  );
}
