import type { Readable } from 'node:stream';
import { writeArchive } from '../content/write-archive.ts';
import { selectPlatform } from '../content/select-platform.ts';
import { ImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import type { Platform } from '../model/platform.ts';
import { canonical, familiar, parseReference, repositoryName } from '../model/reference.ts';
import type { Host } from './host.ts';

export interface SaveOptions extends Operation {
  readonly platform?: Platform | undefined;
}

/**
 * One tar with all that the names point at: an OCI layout and a docker archive at once, digests as they are here.
 * A repository without a tag stands for all its tags; an id goes without a name.
 * What is not here is found missing before the first byte.
 */
export async function save(host: Pick<Host, 'store'>, names: readonly string[], options: SaveOptions = {}): Promise<Readable> {
  if (names.length === 0) throw new ImageError('invalid-argument', 'no image to save was named');
  const images = new Map<Digest, { target: Descriptor; names: string[] }>();
  for (const name of names)
    for (const { target, names: own } of await named(host, name)) {
      const { root } = options.platform ? await selectPlatform(host.store, target, options) : { root: target };
      const image = images.get(root.digest) ?? { target: root, names: [] };
      image.names.push(...own.filter((other) => !image.names.includes(other)));
      images.set(root.digest, image);
    }
  for (const { target, names: own } of images.values()) {
    const [name = target.digest] = own.map((text) => familiar(parseReference(text)));
    await host.store.record({ type: 'image', action: 'save', id: target.digest, attributes: { name } });
  }
  return writeArchive(host.store, [...images.values()], options);
}

async function named(host: Pick<Host, 'store'>, name: string): Promise<readonly { target: Descriptor; names: readonly string[] }[]> {
  const repository = wholeRepository(name);
  if (repository !== undefined) {
    const tags = (await host.store.names()).filter(
      ({ reference }) => reference.tag !== undefined && repositoryName(reference) === repository,
    );
    if (tags.length > 0) return tags.map(({ reference, target }) => ({ target, names: [canonical(reference)] }));
  }
  const found = await host.store.find(name);
  return [{ target: found.target, names: found.name?.reference.tag === undefined ? [] : [canonical(found.name.reference)] }];
}

function wholeRepository(name: string): string | undefined {
  if (/^(?:sha256:|sha512:)?[a-f0-9]{64,128}$/.test(name)) return undefined;
  const reference = parseReference(name);
  return reference.tag === undefined && reference.digest === undefined ? repositoryName(reference) : undefined;
}
