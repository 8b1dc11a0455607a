import { createHash } from 'node:crypto';
import { asImageError, type ErrorCode } from '../errors.ts';
import { decompress } from '../formats/compression/decompress.ts';
import { Slots, together } from '../io/concurrently.ts';
import { peekCompression } from '../formats/compression/detect.ts';
import type { Operation } from '../io/operation.ts';
import { readVerified, verified } from '../io/verified.ts';
import { maxConfigBytes, parseConfig } from '../model/config.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestAlgorithm, digestFrom, type Digest } from '../model/digest.ts';
import { isForeignLayerType, isImageConfigType, isLayerType, isManifestType, layerCompression } from '../model/media-types.ts';
import { maxManifestBytes, parseManifest, type Manifest } from '../model/manifest.ts';
import type { ImageSource } from './image-source.ts';
import { successors } from './successors.ts';

export interface ContentFault {
  readonly target: Descriptor;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface ValidateOptions extends Operation {
  /** Unpacks every layer too, and compares what comes out with the diff ID that the config names. */
  readonly diffIds?: boolean | undefined;
}

/**
 * Reads all that a root reaches, and says everything that does not hold: what is absent, is not what its digest and size say, does not parse,
 * or does not fit together (as many layers as diff IDs, as many as the history has steps that made one). Empty where all holds.
 * A foreign layer may be absent. Only being canceled is an error here; all else is a fault.
 */
export async function validate(
  source: Pick<ImageSource, 'open'>,
  root: Descriptor,
  options: ValidateOptions = {},
): Promise<readonly ContentFault[]> {
  return together(options.signal, async ({ signal, all }) => {
    const faults: ContentFault[] = [];
    const slots = new Slots(4);
    const seen = new Set<string>();
    const guarded = async (target: Descriptor, work: () => Promise<void>) => {
      try {
        await work();
      } catch (error) {
        if (signal.aborted) throw error;
        const { code, message } = asImageError(error, target.digest);
        if (isForeignLayerType(target.mediaType) && (code === 'blob-unknown' || code === 'not-found')) return;
        faults.push({ target, code, message });
      }
    };
    const visit = async (target: Descriptor): Promise<void> => {
      const key = `${target.digest} ${target.size} ${target.mediaType}`;
      if (seen.has(key)) return;
      seen.add(key);
      if (!isManifestType(target.mediaType)) return slots.run(() => guarded(target, () => checkBytes(source, target, signal)));
      let children: readonly Descriptor[] = [];
      await slots.run(() =>
        guarded(target, async () => {
          const document = parseManifest(
            await readVerified(() => source.open(target, { signal }), target, maxManifestBytes),
            target.mediaType,
          );
          children = successors(document);
          if (document.kind === 'manifest' && isImageConfigType(document.config.mediaType))
            await checkImage(source, document, { ...options, signal }, (at, code, message) => faults.push({ target: at, code, message }));
        }),
      );
      await all(children.map(visit));
    };
    await visit(root);
    return faults.toSorted((a, b) => (a.target.digest < b.target.digest ? -1 : a.target.digest > b.target.digest ? 1 : 0));
  });
}

async function checkBytes(source: Pick<ImageSource, 'open'>, target: Descriptor, signal: AbortSignal): Promise<void> {
  for await (const _chunk of verified(await source.open(target, { signal }), target)) signal.throwIfAborted();
}

type Report = (target: Descriptor, code: ErrorCode, message: string) => void;

async function checkImage(
  source: Pick<ImageSource, 'open'>,
  { config: target, layers }: Manifest,
  options: ValidateOptions,
  report: Report,
): Promise<void> {
  let bytes: Buffer;
  try {
    bytes = await readVerified(() => source.open(target, options), target, maxConfigBytes);
  } catch (error) {
    // the visit of the config itself says so
    if (options.signal?.aborted) throw error;
    return;
  }
  const { diffIds, history } = parseConfig(bytes);
  const files = layers.filter(({ mediaType }) => isLayerType(mediaType));
  if (files.length !== diffIds.length)
    report(target, 'invalid-content', `the config names ${diffIds.length} diff IDs, the manifest ${files.length} layers`);
  const made = history.filter((step) => !step.empty_layer).length;
  if (history.length > 0 && made !== diffIds.length)
    report(target, 'invalid-content', `the history tells of ${made} layers, the config of ${diffIds.length}`);
  if (!options.diffIds) return;
  for (const [at, layer] of files.entries()) {
    const diffId = diffIds[at];
    if (diffId) await checkDiffId(source, layer, diffId, options, report);
  }
}

async function checkDiffId(
  source: Pick<ImageSource, 'open'>,
  layer: Descriptor,
  diffId: Digest,
  { signal }: ValidateOptions,
  report: Report,
): Promise<void> {
  try {
    const { compression, stream } = await peekCompression(await source.open(layer, { signal }));
    const claimed = layerCompression(layer.mediaType);
    if (claimed !== undefined && claimed !== compression)
      report(layer, 'invalid-content', `the layer is packed with ${compression}, not with ${claimed} as its media type says`);
    const hash = createHash(digestAlgorithm(diffId));
    for await (const chunk of compression === 'none' ? stream : decompress(stream, compression, { signal }))
      hash.update(chunk as Uint8Array);
    const actual = digestFrom(digestAlgorithm(diffId), hash.digest('hex'));
    if (actual !== diffId) report(layer, 'digest-mismatch', `the unpacked layer is ${actual}, the config names ${diffId}`);
  } catch (error) {
    if (signal?.aborted) throw error;
    const { code, message } = asImageError(error, `cannot unpack ${layer.digest}`);
    // that it is not there, the visit of the layer itself says
    if (code !== 'blob-unknown' && code !== 'not-found') report(layer, code, message);
  }
}
