/** `bay manifest inspect`. */

import { ImageError, isImageError } from '../../../errors.ts';
import { readVerified } from '../../../io/verified.ts';
import { maxConfigBytes, parseConfig } from '../../../model/config.ts';
import type { Descriptor } from '../../../model/descriptor.ts';
import { isImageConfigType, isIndexType } from '../../../model/media-types.ts';
import { maxManifestBytes, parseJson, parseManifest } from '../../../model/manifest.ts';
import { familiar, identifier, parseReference, withDefaultTag } from '../../../model/reference.ts';
import type { ImageSource } from '../../../content/image-source.ts';
import { checkDepth } from '../../../content/successors.ts';
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
      const target = await repository.resolve(identifier(reference), { signal }).catch((cause: unknown): never => {
        if (!isImageError(cause, 'not-found', 'manifest-unknown')) throw cause;
        // Docker's words: scripts that look whether a tag is taken read them.
        throw new ImageError('not-found', `no such manifest: ${familiar(reference)}`, {
          hint: cause.hint,
          detail: { ...cause.detail, plain: true },
          cause,
        });
      });
      const bytes = await readVerified(() => repository.open(target, { signal }), target, maxManifestBytes);
      const walk: Walk = { source: repository, signal, manifests: 0, bytes: 0 };
      const document = flags.verbose ? await verbose(walk, target, bytes, familiar(reference)) : parseJson(bytes, 'manifest');
      const text = flags.json
        ? JSON.stringify(document)
        : JSON.stringify(document, null, isIndexType(target.mediaType) && !flags.verbose ? 3 : '\t');
      terminal.print(`${printable(text)}\n`);
    } finally {
      registries.close();
    }
  },
});

/** The same document, with escapes for what JSON lets through and a terminal obeys, or is deceived by. */
function printable(json: string): string {
  return json.replace(/[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** More manifests than any image has: an index that names the same one over and over needs few bytes to become all memory. */
const maxManifests = 4096;
const maxBytes = 64 * 1024 * 1024;

interface Walk {
  readonly source: ImageSource;
  readonly signal: AbortSignal;
  manifests: number;
  bytes: number;
}

/** As docker's: each manifest with its descriptor, its platform, its bytes and its document. */
async function verbose(walk: Walk, target: Descriptor, bytes: Buffer, name: string, depth = 0): Promise<unknown> {
  checkDepth(target, depth);
  if (++walk.manifests > maxManifests) throw new ImageError('too-large', `${name} has more than ${maxManifests} manifests`);
  if ((walk.bytes += bytes.length) > maxBytes) throw new ImageError('too-large', `${name} has manifests of more than ${maxBytes} bytes`);
  const manifest = parseManifest(bytes, target.mediaType);
  if (manifest.kind === 'manifest')
    return {
      Ref: name,
      Descriptor: target.platform ? target : { ...target, ...(await platformOf(walk, manifest.config)) },
      Raw: bytes.toString('base64'),
      [target.mediaType.includes('docker') ? 'SchemaV2Manifest' : 'OCIManifest']: parseJson(bytes, 'manifest'),
    };
  const entries: unknown[] = [];
  for (const entry of manifest.manifests) {
    const inner = await readVerified(() => walk.source.open(entry, { signal: walk.signal }), entry, maxManifestBytes);
    entries.push(await verbose(walk, entry, inner, `${name.replace(/@.*$/, '')}@${entry.digest}`, depth + 1));
  }
  return entries;
}

/** What the config says, where no index has said it. */
async function platformOf({ source, signal }: Walk, config: Descriptor): Promise<Pick<Descriptor, 'platform'>> {
  if (!isImageConfigType(config.mediaType)) return {};
  const { platform } = parseConfig(await readVerified(() => source.open(config, { signal }), config, maxConfigBytes));
  return platform ? { platform } : {};
}
