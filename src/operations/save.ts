import type { Readable } from 'node:stream';
import { writeArchive } from '../content/write-archive.ts';
import { ImageError, isImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import type { Platform } from '../model/platform.ts';
import { canonical, parseReference, repositoryName } from '../model/reference.ts';
import type { Host } from './host.ts';
import { openPlatform } from './inspect.ts';

export interface SaveOptions extends Operation {
  readonly platform?: Platform | undefined;
}

/**
 * One tar with all that the names point at: an OCI layout and a docker archive at once, digests as they are here.
 * A repository without a tag stands for all its tags; an id goes without a name.
 * What is not here is found missing before the first byte.
 * @throws ImageError `not-found`, `ambiguous`, `invalid-reference`; `invalid-argument` where nothing is named; `incomplete`
 * What is here is kept for the stream until it is closed: read it, or destroy it.
 */
export async function save(host: Pick<Host, 'store'>, names: readonly string[], options: SaveOptions = {}): Promise<Readable> {
  if (names.length === 0) throw new ImageError('invalid-argument', 'no image to save was named');
  const images = new Map<Digest, { target: Descriptor; names: string[] }>();
  for (const name of names)
    for (const { target, names: own } of await named(host, name)) {
      const root = options.platform ? await onePlatform(host, own[0] ?? name, target, options) : target;
      const image = images.get(root.digest) ?? { target: root, names: [] };
      image.names.push(...own.filter((other) => !image.names.includes(other)));
      images.set(root.digest, image);
    }
  // What is on its way stays here to the end, whoever takes its names away and prunes.
  const targets = [...images.values()].map(({ target }) => target);
  const held = await host.store.hold(targets, { verb: 'save', signal: options.signal });
  try {
    for (const target of targets)
      await host.store.record({ type: 'image', action: 'save', id: target.digest, attributes: { name: target.digest } });
    return closing(await writeArchive(host.store, [...images.values()], options), held);
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw error;
  }
}

/** The stream is closed, for whoever waits for that, when what it stands on has been given back. */
function closing(stream: Readable, held: AsyncDisposable): Readable {
  const destroy = stream._destroy.bind(stream);
  const end = async (failure: Error | null | undefined, callback: (error?: Error | null) => void): Promise<void> => {
    try {
      await held[Symbol.asyncDispose]();
    } catch (error) {
      failure ??= error as Error;
    }
    callback(failure);
  };
  stream._destroy = (error, callback) => destroy(error, (failure) => void end(failure, callback));
  return stream;
}

/** @throws ImageError `platform-not-found`, with docker's text: an image of another platform would be a surprise where it is loaded */
async function onePlatform(host: Pick<Host, 'store'>, name: string, target: Descriptor, options: SaveOptions): Promise<Descriptor> {
  try {
    return (await openPlatform(host, name, target, options)).descriptor;
  } catch (error) {
    if (!isImageError(error, 'platform-not-found')) throw error;
    throw new ImageError(error.code, `no suitable export target found: ${error.message}`, { detail: error.detail, cause: error });
  }
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
