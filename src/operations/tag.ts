import { ImageError } from '../errors.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { canonical, parseReference, withDefaultTag, type Reference } from '../model/reference.ts';
import type { Host } from './host.ts';

/** Gives an image one more name. The name moves silently where it was another image's, as docker's does. */
export async function tag(host: Pick<Host, 'store'>, source: string, name: string): Promise<{ reference: Reference; target: Descriptor }> {
  const reference = withDefaultTag(parseReference(name));
  if (reference.digest !== undefined) throw new ImageError('invalid-argument', 'refusing to create a tag with a digest reference');
  if (reference.repository === 'library/sha256' && reference.registry === 'docker.io')
    throw new ImageError('invalid-argument', 'refusing to create an ambiguous tag using digest algorithm as name');
  const found = await host.store.find(source);
  await using ingest = await host.store.begin({ verb: 'tag' });
  await ingest.tag(found.target, canonical(reference), { origin: found.name?.origin });
  return { reference, target: found.target };
}
