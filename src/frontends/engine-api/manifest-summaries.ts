import { isAttestation } from '../../content/select-platform.ts';
import { maxManifestBytes, parseManifest } from '../../model/manifest.ts';
import { isIndexType } from '../../model/media-types.ts';
import type { Digest } from '../../model/digest.ts';
import type { ImageRecord, PlatformRecord } from '../../store/image-record.ts';
import type { ImageStore } from '../../store/image-store.ts';

/**
 * What is inside an image, as `?manifests=1` asks: each platform that is here, and of an index what else it names, with what is not here said to be so.
 * `Content` is packed bytes, `Unpacked` those of the layers that are laid out here.
 */
export async function manifestSummaries(
  store: Pick<ImageStore, 'read' | 'has'>,
  image: ImageRecord,
  users: ReadonlyMap<Digest, readonly string[]>,
): Promise<readonly object[]> {
  const here = new Map(image.platforms.map((record) => [record.manifest.digest, record]));
  if (!isIndexType(image.target.mediaType)) return image.platforms.map((record) => platformSummary(record, users));
  const document = parseManifest(await store.read(image.target, maxManifestBytes), image.target.mediaType);
  if (document.kind !== 'index') return [];
  const summaries: object[] = [];
  for (const entry of document.manifests) {
    const record = here.get(entry.digest);
    if (record) {
      here.delete(entry.digest);
      summaries.push(platformSummary(record, users));
      continue;
    }
    const available = await store.has(entry);
    const size = { Content: available ? entry.size : 0, Total: available ? entry.size : 0 };
    const common = { ID: entry.digest, Descriptor: entry, Available: available, Size: size };
    const of = entry.annotations?.['vnd.docker.reference.digest'];
    if (isAttestation(entry)) summaries.push({ ...common, Kind: 'attestation', AttestationData: { For: of ?? '' } });
    else if (entry.platform)
      summaries.push({ ...common, Kind: 'image', ImageData: { Platform: entry.platform, Containers: [], Size: { Unpacked: 0 } } });
    else summaries.push({ ...common, Kind: 'unknown' });
  }
  // Of indexes inside the index.
  for (const record of here.values()) summaries.push(platformSummary(record, users));
  return summaries;
}

function platformSummary({ manifest, platform, size, unpacked }: PlatformRecord, users: ReadonlyMap<Digest, readonly string[]>): object {
  return {
    ID: manifest.digest,
    Descriptor: platform ? { ...manifest, platform } : manifest,
    Available: true,
    Size: { Content: size, Total: size + unpacked },
    Kind: 'image',
    ImageData: {
      Platform: platform ?? { architecture: '', os: '' },
      Containers: users.get(manifest.digest) ?? [],
      Size: { Unpacked: unpacked },
    },
  };
}
