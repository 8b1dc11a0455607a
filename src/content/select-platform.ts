import { ImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import { readVerified } from '../io/verified.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import { isImageManifestType, isIndexType } from '../model/media-types.ts';
import { maxManifestBytes, parseManifest } from '../model/manifest.ts';
import { compareOsVersions, formatPlatform, hostPlatform, platformMatch, type Platform } from '../model/platform.ts';
import type { ImageSource } from './image-source.ts';
import { checkDepth } from './successors.ts';

export interface Selection {
  /** What to take: one platform's manifest, or `origin` itself where there is nothing to choose. */
  readonly root: Descriptor;
  /** The indexes passed on the way, `origin` first; empty where `root` is `origin`. */
  readonly path: readonly Descriptor[];
}

export interface SelectOptions extends Operation {
  /** Default: what this machine would run. */
  readonly platform?: Platform | undefined;
}

/** More than any image has, and still a line that can be read. */
const mostNamed = 40;

interface Candidate extends Selection {
  readonly platform: Platform | undefined;
}

const maxDepth = 4;

/** Of all indexes that are read for one choice: a registry can make up more and more of them. */
const maxTotalBytes = 64 * 1024 * 1024;

/**
 * Chooses one platform's image from what a name points at. A lone manifest is taken as it is, whatever its platform (docker does so);
 * so is an index that speaks of no platform at all: a list of artifacts, not one image in several makes.
 * Among equals the newest `os.version` wins, then the first.
 * @throws ImageError `platform-not-found`, saying which platforms there are
 */
export async function selectPlatform(source: ImageSource, origin: Descriptor, options: SelectOptions = {}): Promise<Selection> {
  if (!isIndexType(origin.mediaType)) return { root: origin, path: [] };
  const candidates = await imagesIn(source, origin, [], { seen: new Set(), bytes: 0 }, options);
  if (!candidates.some((candidate) => candidate.platform)) {
    const [only] = candidates;
    return candidates.length === 1 && only && options.platform ? only : { root: origin, path: [] };
  }
  const wanted = options.platform ?? hostPlatform();
  let best: { candidate: Candidate; score: number } | undefined;
  for (const candidate of candidates) {
    const score = candidate.platform ? platformMatch(wanted, candidate.platform) : 0;
    if (score === 0) continue;
    const newer = compareOsVersions(candidate.platform?.['os.version'], best?.candidate.platform?.['os.version']) > 0;
    if (!best || score > best.score || (score === best.score && newer)) best = { candidate, score };
  }
  if (best) return { root: best.candidate.root, path: best.candidate.path };
  const there = [...new Set(candidates.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : [])))];
  throw new ImageError('platform-not-found', `no matching manifest for ${formatPlatform(wanted)} in the manifest list entries`, {
    hint: `There is ${there.slice(0, mostNamed).join(', ')}${there.length > mostNamed ? ` and ${there.length - mostNamed} more` : ''}: choose one with --platform.`,
    detail: { wanted: formatPlatform(wanted), platforms: there },
  });
}

/** What has been read for one choice. An index that is listed again has no other images in it. */
interface Walk {
  readonly seen: Set<Digest>;
  bytes: number;
}

async function imagesIn(
  source: ImageSource,
  index: Descriptor,
  above: readonly Descriptor[],
  walk: Walk,
  operation: Operation,
): Promise<Candidate[]> {
  if (walk.seen.has(index.digest)) return [];
  walk.seen.add(index.digest);
  checkDepth(index, above.length + 1, maxDepth);
  if ((walk.bytes += index.size) > maxTotalBytes)
    throw new ImageError('too-large', `its indexes are larger than ${maxTotalBytes} bytes together`);
  const bytes = await readVerified(() => source.open(index, operation), index, maxManifestBytes);
  const document = parseManifest(bytes, index.mediaType);
  if (document.kind !== 'index') return [];
  const path = [...above, index];
  const found: Candidate[] = [];
  for (const entry of document.manifests) {
    if (isIndexType(entry.mediaType)) for (const nested of await imagesIn(source, entry, path, walk, operation)) found.push(nested);
    else if (isImageManifestType(entry.mediaType) && !isAttestation(entry)) found.push({ root: entry, path, platform: entry.platform });
  }
  return found;
}

/** BuildKit puts a statement about an image beside it, as the image of an unknown platform. */
export function isAttestation(entry: Descriptor): boolean {
  return (
    entry.annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' ||
    (entry.platform?.os === 'unknown' && entry.platform.architecture === 'unknown')
  );
}
