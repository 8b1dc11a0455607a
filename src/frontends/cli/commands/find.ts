/** `bay find`. */

import type { FoundBaseImage } from '../../../operations/find-base.ts';
import { command } from '../grammar.ts';
import { openCatalogHost } from '../open-catalog.ts';
import { listText, type Field } from '../list.ts';
import { humanSize } from '../units.ts';

export const find = command({
  description:
    'Find base OS images where they are published: the newest version of each, or the versions that are asked for. Which sources are asked says `bay source ls`.',
  operands: { usage: '[NAME...]', min: 0 },
  flags: {
    'all-versions': { type: 'bool', short: 'a', help: 'Show every version, not only the newest' },
    format: { type: 'string', value: 'string', help: 'Pretty-print images using a Go template', values: ['table', 'json'] },
    json: { type: 'bool', help: 'Print one JSON document' },
    max: { type: 'string', value: 'version', help: 'Show versions up to this one' },
    min: { type: 'string', value: 'version', help: 'Show versions from this one on' },
    'no-trunc': { type: 'bool', help: "Don't truncate output" },
    'plain-http': { type: 'bool', help: 'Speak plain http to registries' },
    source: { type: 'list', value: 'name', help: 'Ask only this source; may be given again' },
    version: { type: 'string', value: 'version', help: 'Show only this version; it may have wildcards' },
  },
  examples: [
    ['The newest of each', 'bay find'],
    ['Names with wildcards', "bay find 'nano*'"],
    ['All versions from one on', 'bay find NanoServer --min 10.0.20348'],
  ],
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    const { findBaseImages } = await import('../../../operations/find-base.ts');
    await using host = await openCatalogHost(invocation, { plainHttp: flags.plainHttp });
    const images = await findBaseImages(
      host,
      {
        names: operands,
        version: flags.version,
        minimum: flags.min,
        maximum: flags.max,
        all: flags.allVersions,
        sources: flags.source,
      },
      { signal: terminal.signal, onWarning: (text) => void terminal.stderr.write(`WARNING: ${text}\n`) },
    );
    if (flags.json) terminal.print(`${JSON.stringify(images.map(foundDocument))}\n`);
    else
      terminal.print(
        await listText(images, {
          format: flags.format,
          fields: foundFields(flags.noTrunc),
          columns: ['Name', 'Version', 'Publisher', 'Source', 'Size', 'Description'],
          type: '*formatter.baseImageContext',
        }),
      );
  },
});

/** One image as `--json` prints it. */
function foundDocument(image: FoundBaseImage): Readonly<Record<string, unknown>> {
  const { content, published, ...rest } = image;
  return {
    ...rest,
    ...(published ? { published: published.toISOString() } : {}),
    kind: content.kind,
    ...(content.kind === 'registry' ? {} : { file: content.place.address(content.file), sha256: content.sha256.slice(7) }),
  };
}

function foundFields(noTrunc: boolean) {
  return {
    Description: {
      title: 'DESCRIPTION',
      value: ({ description }) => {
        const line = description.replace(/[\r\n]+/g, ' ');
        return noTrunc || line.length <= 50 ? line : `${line.slice(0, 47)}...`;
      },
    },
    Name: { title: 'NAME', value: ({ name }) => name },
    Published: { title: 'PUBLISHED', value: ({ published }) => published?.toISOString() ?? '' },
    Publisher: { title: 'PUBLISHER', value: ({ publisher }) => publisher, empty: '<none>' },
    Signature: { title: 'SIGNATURE', value: ({ signature }) => signature },
    Size: { title: 'SIZE', value: ({ size }) => (size === undefined ? '' : humanSize(size, 4)), empty: '-' },
    Source: { title: 'SOURCE', value: ({ source }) => source },
    Version: { title: 'VERSION', value: ({ version }) => version },
  } satisfies Record<string, Field<FoundBaseImage>>;
}
