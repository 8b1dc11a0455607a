/** `bay commit` and `bay container commit`. */

import { ImageError, isImageError } from '../../../errors.ts';
import { familiar, parseReference, withDefaultTag, type Reference } from '../../../model/reference.ts';
import { commit as commitContainer } from '../../../operations/commit.ts';
import { completeContainers } from '../complete-containers.ts';
import { completeImages } from '../complete-images.ts';
import { command } from '../grammar.ts';
import { openContainers } from '../host.ts';

export const commit = command({
  description:
    "Create a new image from a container's changes: one layer on top of the container's image. The same files at the same time give the same image; SOURCE_DATE_EPOCH says when.",
  operands: { usage: 'CONTAINER [REPOSITORY[:TAG]]', min: 1, max: 2 },
  flags: {
    author: { type: 'string', short: 'a', value: 'string', help: 'Author (e.g., "John Hannibal Smith\n<hannibal@a-team.com>")' },
    change: { type: 'list', short: 'c', value: 'list', help: 'Apply Dockerfile instruction to the created image' },
    compression: {
      type: 'string',
      value: 'string',
      help: 'Compression of the layer: "gzip" (default), "zstd".\nThe default is "compression" in config.json',
      values: ['gzip', 'zstd'],
    },
    'compression-level': { type: 'int', value: 'int', help: 'Level of the compression: gzip 1 to 9, zstd 1 to 22' },
    json: { type: 'bool', help: 'Print one JSON document' },
    message: { type: 'string', short: 'm', value: 'string', help: 'Commit message' },
    pause: { type: 'bool', short: 'p', default: true, help: 'Pause container during commit' },
  },
  examples: [
    ['With a command of its own', `bay commit -c 'CMD ["/opt/app"]' -m 'with the app' work me/app:1`],
    ['Smaller and faster', 'bay commit --compression zstd work me/app:1'],
  ],
  complete: async (word, context) => (context.given.length === 0 ? completeContainers(word, context) : completeImages(word, context)),
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    const [container, name] = operands;
    const reference = name === undefined ? undefined : newName(name);
    await using host = await openContainers(invocation);
    const root = await commitContainer(host, container, {
      reference,
      author: flags.author,
      message: flags.message,
      changes: flags.change,
      compression: compressionOf(flags.compression),
      level: levelOf(flags.compressionLevel),
      created: sourceDate(terminal.env['SOURCE_DATE_EPOCH']),
      signal: terminal.signal,
    });
    terminal.print(
      flags.json ? `${JSON.stringify({ id: root.digest, names: reference ? [familiar(reference)] : [] })}\n` : `${root.digest}\n`,
    );
  },
});

/** @throws ImageError `invalid-reference`, with docker's texts */
function newName(name: string): Reference {
  let reference: Reference;
  try {
    reference = parseReference(name);
  } catch (error) {
    if (!isImageError(error)) throw error;
    throw new ImageError(error.code, error.message, { hint: error.hint, detail: { plain: true } });
  }
  if (reference.digest !== undefined)
    throw new ImageError('invalid-reference', 'refusing to create a tag with a digest reference', { detail: { plain: true } });
  return withDefaultTag(reference);
}

function compressionOf(text: string | undefined): 'gzip' | 'zstd' | undefined {
  if (text === undefined || text === '' || text === 'gzip' || text === 'zstd') return text || undefined;
  throw new ImageError('invalid-argument', `${JSON.stringify(text)} is no compression of layers`, { hint: 'Choose gzip or zstd.' });
}

function levelOf(level: number | undefined): number | undefined {
  if (level !== undefined && (level < 1 || level > 22)) throw new ImageError('invalid-argument', `${level} is no level of compression`);
  return level;
}

/** reproducible-builds.org/specs/source-date-epoch: seconds since 1970. */
function sourceDate(text: string | undefined): Date | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,11}$/.test(text))
    throw new ImageError('invalid-argument', `SOURCE_DATE_EPOCH is ${JSON.stringify(text)}, not seconds since 1970`);
  return new Date(Number(text) * 1000);
}
