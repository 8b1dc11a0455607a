import type { Descriptor } from '../../model/descriptor.ts';
import { parseDigest } from '../../model/digest.ts';
import { mediaTypes } from '../../model/media-types.ts';
import { jsonAnswer, type Answer } from './answer.ts';
import type { Exchange } from './exchange.ts';

/**
 * distribution-spec, "Listing Referrers": an index of what points here with `subject`, empty where nothing does, also for a repository that is not there.
 * An answer is no larger than a manifest may be; what is over comes with `Link`, after the digest that the page ended with, so that a list
 * that changes between two pages loses nothing that stayed.
 */
export async function listReferrers(exchange: Exchange, name: string, digestText: string): Promise<Answer> {
  const digest = parseDigest(digestText);
  const { query, desk } = exchange;
  // A form-decoded `+` is a space, and no media type has one: clients that do not encode the plus of `+json` mean it.
  const artifactType = query.get('artifactType')?.replaceAll(' ', '+') || undefined;
  const after = query.get('last') ?? '';
  const all = await exchange.repository(name).referrers({ mediaType: mediaTypes.ociManifest, digest, size: 0 }, artifactType);
  const sorted = all.filter((one) => one.digest > after).sort((a, b) => (a.digest < b.digest ? -1 : 1));
  const shown: Descriptor[] = [];
  let size = 1000;
  for (const descriptor of sorted) {
    size += Buffer.byteLength(JSON.stringify(descriptor)) + 1;
    if (size > desk.limits.manifestBytes && shown.length > 0) break;
    shown.push(descriptor);
  }
  const last = shown.at(-1)?.digest;
  const link =
    shown.length < sorted.length && last !== undefined
      ? { Link: `<${exchange.path(name, `referrers/${digest}`, { ...(artifactType ? { artifactType } : {}), last })}>; rel="next"` }
      : {};
  const answer = jsonAnswer(
    200,
    { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: shown },
    { ...link, ...(artifactType ? { 'OCI-Filters-Applied': 'artifactType' } : {}), ...exchange.namespaceHeader },
    mediaTypes.ociIndex,
  );
  return { ...answer, lasting: true };
}
