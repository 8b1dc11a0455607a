import { basename } from 'node:path';
import { ImageError } from '../../errors.ts';
import { writtenCompressions } from '../../formats/wim/new-wim.ts';
import { saveWim } from '../../operations/save-wim.ts';
import { openStore } from './host.ts';
import { ProgressRows } from './progress.ts';
import type { Terminal } from './terminal.ts';
import { humanSize } from './units.ts';
import { usageError } from './usage.ts';
import { platformFlag } from './platform-flag.ts';

export interface SaveAsWim {
  readonly names: readonly string[];
  /** Absolute; undefined for standard output. */
  readonly file: string | undefined;
  readonly compression: string | undefined;
  readonly platform: string | undefined;
  readonly accept: boolean;
  readonly json: boolean;
}

/** What `bay save` does for a .wim file. */
export async function saveAsWim(
  terminal: Terminal,
  { names, file, compression = 'lzx', platform, accept, json }: SaveAsWim,
): Promise<void> {
  const packed = writtenCompressions.find((known) => known === compression);
  if (packed === undefined) throw usageError(`unknown compression ${JSON.stringify(compression)}: ${writtenCompressions.join(', ')}`);
  const [name, ...others] = names as [string, ...string[]];
  if (others.length > 0)
    throw new ImageError('invalid-argument', 'a .wim file holds one image', { hint: 'Save each to a file of its own.' });
  if (file === undefined)
    throw new ImageError('invalid-argument', 'a .wim file cannot be written to standard output', {
      hint: 'Its first bytes are written last: name a file with --output.',
    });
  await using store = await openStore({ terminal });
  using rows = new ProgressRows(terminal);
  const id = basename(file);
  const saved = await saveWim({ store }, name, file, {
    compression: packed,
    platform: platformFlag(platform, 'invalid platform: '),
    accept,
    overwrite: true,
    signal: terminal.signal,
    onSaving: !json && terminal.isTTY.stdout ? ({ done, total }) => rows.row({ id, status: 'Saving', current: done, total }) : undefined,
  });
  rows[Symbol.dispose]();
  for (const { text, examples } of saved.losses) terminal.stderr.write(`Note: ${text} (${examples.join(', ')})\n`);
  const { size, files, root } = saved;
  if (json) terminal.print(`${JSON.stringify({ file, size, files, id: root.digest })}\n`);
  else if (terminal.isTTY.stdout) terminal.print(`${file}: ${files} ${files === 1 ? 'file' : 'files'}, ${humanSize(size)}\n`);
}
