/** `bay catalog build`. */

import { resolve } from 'node:path';
import { printable } from '../../../io/printable.ts';
import { command } from '../grammar.ts';

export const catalogBuild = command({
  description:
    'Write the catalogue of a folder: a catalogue.json that describes the .wim files and OCI archives (.tar) in it, for `bay source add` here and elsewhere. Names, versions and publishers are what the files say of themselves.',
  operands: { usage: 'FOLDER', min: 1, max: 1 },
  flags: {
    json: { type: 'bool', help: 'Print one JSON document' },
    publisher: { type: 'string', value: 'name', help: 'Publisher of all images, whatever the files say' },
    sign: { type: 'string', value: 'file', help: 'Sign it with this Ed25519 private key (PEM), and print\nthe public one' },
  },
  examples: [
    ['For a web server or a share', 'bay catalog build /srv/images'],
    ['Signed', 'openssl genpkey -algorithm ed25519 -out key.pem && bay catalog build --sign key.pem /srv/images'],
  ],
  async run({ flags, operands, terminal }) {
    const { buildCatalog } = await import('../../../operations/build-catalog.ts');
    const { path, images, skipped, publicKey } = await buildCatalog(resolve(terminal.cwd, operands[0]), {
      publisher: flags.publisher,
      key: flags.sign === undefined ? undefined : resolve(terminal.cwd, flags.sign),
      signal: terminal.signal,
    });
    for (const { file, why } of skipped) terminal.stderr.write(`WARNING: ${printable(file)} is left out: ${printable(why)}\n`);
    const rows = images.map(({ name, version, publisher, content }) => ({
      name,
      version,
      publisher,
      file: content.kind === 'registry' ? '' : content.file,
    }));
    if (flags.json) terminal.print(`${JSON.stringify({ path, images: rows, skipped, ...(publicKey ? { publicKey } : {}) })}\n`);
    else {
      for (const { name, version, file } of rows) terminal.print(`${name} ${version}: ${file}\n`);
      terminal.print(`Wrote ${path}\n`);
      if (publicKey !== undefined) terminal.print(`Public key: ${publicKey}\n`);
    }
  },
});
