import { baseReference, normalizePublisher } from '../model/base-identity.ts';
import { readIdentity, type Identity } from '../model/identity.ts';
import { repositoryName, type Reference } from '../model/reference.ts';
import type { Host } from './host.ts';

/** The name that a base image gets here: `nanoserver:10.0.10586.0`, or `publisher/nanoserver:…` where that repository has an image of another publisher's. */
export async function baseImageName(host: Pick<Host, 'store'>, identity: Identity): Promise<Reference> {
  const plain = baseReference(identity);
  const qualified = baseReference(identity, true);
  if (qualified === undefined) return plain;
  const own = normalizePublisher(identity.publisher).toLowerCase();
  const same = (await host.store.names()).filter(({ reference }) => repositoryName(reference) === repositoryName(plain));
  if (same.length === 0) return plain;
  const traits = await host.store.traits();
  for (const { target } of same) {
    const known = traits.get(target.digest);
    const labels = (await host.store.image(target.digest))?.platforms[0]?.labels;
    const publisher = known?.identity?.publisher ?? normalizePublisher(readIdentity(known?.annotations, labels).publisher);
    if (publisher !== '' && publisher.toLowerCase() !== own) return qualified;
  }
  return plain;
}
