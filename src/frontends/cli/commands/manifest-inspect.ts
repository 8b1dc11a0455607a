/** `bay manifest inspect`. */

import { readVerified } from '../../../io/verified.ts';
import type { Descriptor } from '../../../model/descriptor.ts';
import { isIndexType } from '../../../model/media-types.ts';
import { maxManifestBytes, parseJson, parseManifest } from '../../../model/manifest.ts';
import { familiar, identifier, parseReference, withDefaultTag } from '../../../model/reference.ts';
import type { ImageSource } from '../../../content/image-source.ts';
import { command } from '../grammar.ts';
import { openRegistries } from '../host.ts';

export const manifestInspect = command({
  description: 'Show the manifest or index that a name points at in its registry, without pulling it.',
  operands: { usage: 'MANIFEST', min: 1, max: 1 },
  flags: {
    insecure: { type: 'bool', help: 'Allow communication with an insecure registry' },
    json: { type: 'bool', help: 'Print one JSON document' },
    verbose: { type: 'bool', short: 'v', help: 'Output additional info including layers and platform' },
  },
  examples: [['Which platforms an image has', 'bay manifest inspect debian:12']],
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    const { signal } = terminal;
    const reference = withDefaultTag(parseReference(operands[0]));
    const registries = await openRegistries(invocation, { plainHttp: flags.insecure });
    try {
      const repository = registries.repository(reference);
      const target = await repository.resolve(identifier(reference), { signal });
      const bytes = await readVerified(() => repository.open(target, { signal }), target, maxManifestBytes);
      const document = flags.verbose ? await verbose(repository, target, bytes, familiar(reference), signal) : parseJson(bytes, 'manifest');
      terminal.stdout.write(
        flags.json ? `${JSON.stringify(document)}\n` : `${JSON.stringify(document, null, isIndexType(target.mediaType) ? 3 : '\t')}\n`,
      );
    } finally {
      registries.close();
    }
  },
});

/** As docker's: each manifest with its descriptor and its document. */
async function verbose(source: ImageSource, target: Descriptor, bytes: Buffer, name: string, signal: AbortSignal): Promise<unknown> {
  const manifest = parseManifest(bytes, target.mediaType);
  if (manifest.kind === 'manifest')
    return {
      Ref: name,
      Descriptor: target,
      [target.mediaType.includes('docker') ? 'SchemaV2Manifest' : 'OCIManifest']: parseJson(bytes, 'manifest'),
    };
  const entries: unknown[] = [];
  for (const entry of manifest.manifests) {
    const inner = await readVerified(() => source.open(entry, { signal }), entry, maxManifestBytes);
    entries.push(await verbose(source, entry, inner, `${name.replace(/@.*$/, '')}@${entry.digest}`, signal));
  }
  return entries;
}
