/** `bay load` and `bay image load`. */

import { resolve } from 'node:path';
import { ImageError } from '../../../errors.ts';
import { formatPlatform } from '../../../model/platform.ts';
import { familiar } from '../../../model/reference.ts';
import { load as loadImages } from '../../../operations/load.ts';
import { transferStatus } from '../../../operations/transfer-status.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';
import { ProgressRows } from '../progress.ts';
import { platformFlag } from '../platform-flag.ts';

export const load = command({
  description:
    'Load the images of a tar archive, from standard input by default: what docker save, podman save and skopeo write, plain or packed with gzip or zstd.',
  operands: { usage: '', min: 0, max: 0 },
  flags: {
    input: { type: 'string', short: 'i', value: 'string', help: 'Read from tar archive file, instead of STDIN' },
    json: { type: 'bool', help: 'Print one JSON document' },
    platform: {
      type: 'string',
      value: 'string',
      help: 'Load only the given platform variant. Formatted\nas "os[/arch[/variant]]" (e.g., "linux/amd64")',
    },
    quiet: { type: 'bool', short: 'q', help: 'Suppress the load output' },
  },
  examples: [
    ['A file', 'bay load -i images.tar'],
    ['From another machine', 'ssh host docker save debian:12 | bay load'],
  ],
  async run(invocation) {
    const { flags, terminal } = invocation;
    const file = flags.input === undefined || flags.input === '-' ? undefined : resolve(terminal.cwd, flags.input);
    if (file === undefined && terminal.isTTY.stdin)
      throw new ImageError('invalid-argument', 'requested load from stdin, but stdin is empty', { detail: { plain: true } });
    await using store = await openStore(invocation);
    const platform = platformFlag(flags.platform, 'invalid platform: ');
    // Docker shows a load's progress on a terminal alone.
    using rows = new ProgressRows(terminal);
    const shows = terminal.isTTY.stdout && !flags.quiet && !flags.json;
    const loaded = await loadImages({ store }, file ?? terminal.stdin, {
      signal: terminal.signal,
      platform,
      onProgress: (event) => {
        if (shows) for (const status of transferStatus(event, 'load')) rows.row(status);
      },
    });
    if (flags.json) {
      terminal.print(
        `${JSON.stringify(loaded.map(({ root, names, missing }) => ({ id: root.digest, names: names.map(familiar), missing: missing.map(({ digest }) => digest) })))}\n`,
      );
      return;
    }
    for (const { root, names, missing } of loaded) {
      // Said with --quiet too, as docker does: scripts read it.
      for (const name of names) rows.line(`Loaded image: ${familiar(name)}`);
      if (names.length === 0) rows.line(`Loaded image ID: ${root.digest}`);
      const shown = names[0] ? familiar(names[0]) : root.digest;
      if (missing.length > 0)
        terminal.stderr.write(
          `Note: the archive has not all of ${shown}: ${missing.map(({ platform: of, digest }) => (of ? formatPlatform(of) : digest)).join(', ')} was left out when it was saved.\n`,
        );
    }
    const made = loaded.filter(({ isMade }) => isMade).length;
    if (made > 0 && !flags.quiet)
      terminal.stderr.write(
        `Note: the archive has no manifest for ${made === 1 ? 'its image' : `${made} of its images`}; what was made in its place has another digest than a registry's.\n`,
      );
  },
});
