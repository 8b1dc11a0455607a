/** `bay wim create`. */

import { basename, resolve } from 'node:path';
import { writtenCompressions } from '../../../formats/wim/new-wim.ts';
import { typedPath } from '../../../io/path-rules.ts';
import { createWim as createWimFile } from '../../../operations/create-wim.ts';
import { command } from '../grammar.ts';
import { ProgressRows } from '../progress.ts';
import { humanSize } from '../units.ts';
import { usageError } from '../usage.ts';
import { warnLeftOut } from './wim-files.ts';

export const wimCreate = command({
  description:
    'Write a folder to a WIM file of one image: what DISM, wimlib and 7-Zip read. On Linux owners, modes, devices and extended attributes are kept as wimlib keeps them. The same folder gives the same file.',
  operands: { usage: 'DIR FILE.wim', min: 2, max: 2 },
  flags: {
    compression: {
      type: 'string',
      value: 'string',
      default: 'lzx',
      values: writtenCompressions,
      help: 'How it is packed: "lzx", "xpress" (faster) or "none"',
    },
    description: { type: 'string', value: 'string', help: 'Description of the image' },
    force: { type: 'bool', short: 'f', help: 'Replace the file if it is there' },
    json: { type: 'bool', help: 'Print one JSON document about the file' },
    name: { type: 'string', value: 'string', help: "Name of the image (default: the folder's name)" },
    'no-integrity': { type: 'bool', help: 'Leave out the table by which the whole file can be checked' },
  },
  examples: [
    ['A tree as an image that Windows can apply', 'bay wim create ./tree tree.wim --name Demo'],
    ['Larger, and made in a third of the time', 'bay wim create --compression xpress ./tree tree.wim'],
  ],
  async run({ flags, operands, terminal }) {
    const compression = writtenCompressions.find((known) => known === flags.compression);
    if (compression === undefined) throw usageError(`unknown compression ${JSON.stringify(flags.compression)}: lzx, xpress or none`);
    const [folder, file] = operands;
    using rows = new ProgressRows(terminal);
    const id = basename(file);
    const showsProgress = !flags.json && terminal.isTTY.stdout;
    const written = await createWimFile(resolve(terminal.cwd, folder), typedPath(terminal.cwd, file), {
      compression,
      description: flags.description,
      integrity: !flags.noIntegrity,
      name: flags.name,
      overwrite: flags.force,
      signal: terminal.signal,
      onBytes: showsProgress ? (current) => rows.row({ id, status: 'Compressing', current }) : undefined,
    });
    const { size, blobs, contentBytes, images, leftOut } = written;
    const [image] = images;
    if (flags.json) terminal.print(`${JSON.stringify({ file, size, blobs, contentBytes, images, leftOut })}\n`);
    else {
      warnLeftOut(terminal, leftOut);
      const counts = `${image!.files} ${image!.files === 1 ? 'file' : 'files'} in ${image!.folders} ${image!.folders === 1 ? 'folder' : 'folders'}`;
      rows.line(`${file}: ${counts}, ${humanSize(contentBytes)} as ${humanSize(size)}`);
    }
  },
});
