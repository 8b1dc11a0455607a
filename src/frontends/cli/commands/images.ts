/** `bay images` and `bay image ls`. */

import { ImageError } from '../../../errors.ts';
import { shortId } from '../../../model/digest.ts';
import { familiar, familiarName } from '../../../model/reference.ts';
import { createdAt } from '../../../operations/image-filter.ts';
import { list } from '../../../operations/list.ts';
import type { ImageRecord } from '../../../store/image-record.ts';
import { completeImages } from '../complete-images.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';
import { isOwnTable, listText, type Field } from '../list.ts';
import { humanSize, localTime, timeSince } from '../units.ts';
import { tableFormat } from './format-help.ts';

export const images = command({
  description:
    'List images, newest first. What is attached to an image that is here, such as a signature or an SBOM, is part of it: --all lists it too.',
  operands: { usage: '[REPOSITORY[:TAG]]', min: 0, max: 1 },
  flags: {
    all: { type: 'bool', short: 'a', help: 'Show all images (default hides intermediate images)' },
    digests: { type: 'bool', help: 'Show digests' },
    filter: { type: 'filter', short: 'f', value: 'filter', help: 'Filter output based on conditions provided' },
    format: tableFormat,
    json: { type: 'bool', help: 'Print one JSON document' },
    'no-trunc': { type: 'bool', help: "Don't truncate output" },
    quiet: { type: 'bool', short: 'q', help: 'Only show image IDs' },
    tree: { type: 'bool', help: 'List multi-platform images as a tree' },
  },
  examples: [
    ['Every image', 'bay images'],
    ['Those that no name points at', 'bay images -f dangling=true'],
    ['For a script', "bay images --format '{{.ID}} {{.Repository}}:{{.Tag}}'"],
  ],
  complete: completeImages,
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    await using store = await openStore(invocation);
    const filters = flags.filter.map(({ name, value }) => ({ key: name, value }));
    const [pattern] = operands;
    if (pattern !== undefined) filters.push({ key: 'reference', value: pattern });
    const found = await list({ store, now: () => terminal.now() }, { filters, all: flags.all });
    if (flags.tree) {
      for (const [name, given] of [
        ['--quiet', flags.quiet],
        ['--no-trunc', flags.noTrunc],
        ['--digests', flags.digests],
        ['--format', flags.format !== undefined],
      ] as const)
        if (given) throw new ImageError('invalid-argument', `${name} is not yet supported with --tree`);
      const { imageTree } = await import('./image-tree.ts');
      const used = (await store.containers()).flatMap(({ target, manifest }) => [target.digest, manifest.digest]);
      terminal.print(await imageTree(found, new Set(used)));
      return;
    }
    if (flags.json) {
      terminal.print(`${JSON.stringify(found.map(document))}\n`);
      return;
    }
    const rows = found.flatMap((image) => rowsOf(image, flags.digests || /\.Digest\b/.test(flags.format ?? '')));
    const fields = imageFields(terminal.now(), flags.noTrunc);
    if (flags.quiet && isOwnTable(flags.format)) terminal.print(rows.map((row) => `${fields.ID.value(row)}\n`).join(''));
    else
      terminal.print(
        await listText(rows, {
          format: flags.format,
          fields,
          columns: flags.digests
            ? ['Repository', 'Tag', 'Digest', 'ID', 'CreatedSince', 'Size']
            : ['Repository', 'Tag', 'ID', 'CreatedSince', 'Size'],
          type: '*formatter.imageContext',
          raw: flags.quiet
            ? 'image_id: {{.ID}}'
            : `repository: {{.Repository}}\n{{if .Tag}}tag: {{.Tag}}\n{{end}}${flags.digests ? 'digest: {{.Digest}}\n' : ''}image_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n`,
        }),
      );
    if (
      rows.length === 0 &&
      pattern !== undefined &&
      ['ls', 'list', 'rm', 'pull', 'build', 'inspect', 'prune', 'push', 'tag'].includes(pattern) &&
      invocation.name === 'images'
    )
      terminal.stderr.write(`\nNo images found matching "${pattern}": did you mean "bay image ${pattern}"?\n`);
  },
});

/** One line of the table: an image under one of its names. */
interface ImageRow {
  readonly image: ImageRecord;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
  readonly created: Date | undefined;
  /** Packed bytes of the platform that is listed. */
  readonly size: number;
}

const none = '<none>';

/** A row a tag; a repository that has the image by digest alone has one row without a tag; so has an image without any name. */
function rowsOf(image: ImageRecord, digests: boolean): readonly ImageRow[] {
  const rows: ImageRow[] = [];
  const time = createdAt(image);
  const created = time === 0 ? undefined : new Date(time);
  const { size } = image;
  const { names } = image;
  for (const { reference, target, origin } of names) {
    const repository = familiarName(reference);
    if (
      reference.tag === undefined &&
      names.some((other) => other.reference.tag !== undefined && familiarName(other.reference) === repository)
    )
      continue;
    const digest = reference.digest ?? (digests ? (origin ?? target).digest : none);
    rows.push({ image, created, size, repository, tag: reference.tag ?? none, digest });
  }
  return rows.length > 0 ? rows : [{ image, created, size, repository: none, tag: none, digest: none }];
}

function imageFields(now: Date, noTrunc: boolean) {
  const size = (row: ImageRow) => humanSize(row.size);
  return {
    Containers: { title: 'CONTAINERS', value: () => 'N/A' },
    CreatedAt: { title: 'CREATED AT', value: (row) => localTime(row.created) },
    CreatedSince: { title: 'CREATED', value: (row) => timeSince(row.created, now), empty: 'N/A' },
    Digest: { title: 'DIGEST', value: (row) => row.digest },
    ID: { title: 'IMAGE ID', value: ({ image }) => (noTrunc ? image.target.digest : shortId(image.target.digest)) },
    Repository: { title: 'REPOSITORY', value: (row) => row.repository },
    SharedSize: { title: 'SHARED SIZE', value: () => 'N/A' },
    Size: { title: 'SIZE', value: size },
    Tag: { title: 'TAG', value: (row) => row.tag },
    UniqueSize: { title: 'UNIQUE SIZE', value: () => 'N/A' },
    VirtualSize: { title: 'SIZE', value: (row) => humanSize(row.size, 4) },
  } satisfies Record<string, Field<ImageRow>>;
}

function document(image: ImageRecord) {
  return {
    id: image.target.digest,
    mediaType: image.target.mediaType,
    names: image.names.map(({ reference }) => familiar(reference)),
    digests: image.repoDigests,
    created: createdAt(image) === 0 ? null : new Date(createdAt(image)).toISOString(),
    size: image.size,
    platforms: image.platforms.map(({ manifest, platform, size }) => ({ id: manifest.digest, platform, size })),
    ...(image.artifactType === undefined ? {} : { artifactType: image.artifactType }),
  };
}
