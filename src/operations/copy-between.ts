import type { Readable } from 'node:stream';
import { copy } from '../content/copy.ts';
import { Directory } from '../content/directory.ts';
import type { ImageSink } from '../content/image-sink.ts';
import type { ImageSource } from '../content/image-source.ts';
import { OciFolder } from '../content/oci-folder.ts';
import { requireImages } from '../content/require-images.ts';
import { openArchive } from '../content/open-archive.ts';
import { selectPlatform } from '../content/select-platform.ts';
import { writeArchive } from '../content/write-archive.ts';
import { ImageError } from '../errors.ts';
import { writeStreamAtomic } from '../io/atomic-file.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Platform } from '../model/platform.ts';
import { canonical, identifier, parseReference, withDefaultTag } from '../model/reference.ts';
import type { Host } from './host.ts';
import { formatPlace, type Place } from './places.ts';

export interface CopyBetweenOptions extends Operation {
  /** Copies this platform alone; without it an index goes whole. */
  readonly platform?: Platform | undefined;
  readonly referrers?: boolean | undefined;
  /** Where an archive goes or comes from whose path is `-`. */
  readonly stdin?: AsyncIterable<Uint8Array>;
  readonly stdout?: (archive: Readable) => Promise<void>;
}

/** Copies an image from any place to any other. The digests stay; what is named is the last step. @returns what was copied */
export async function copyBetween(
  host: Pick<Host, 'store' | 'remote'>,
  from: Place,
  to: Place,
  options: CopyBetweenOptions = {},
): Promise<Descriptor> {
  await using source = await openSource(host, from, options);
  const root = options.platform ? (await selectPlatform(source, source.target, options)).root : source.target;
  const name = 'name' in to && to.name ? to.name : source.name;
  if (to.kind === 'oci-archive' || to.kind === 'docker-archive') {
    // an OCI archive is asked for by the name that was typed, a docker archive by a reference
    const dialect = to.kind === 'oci-archive' ? 'oci' : 'docker';
    const names = name === undefined ? [] : [dialect === 'oci' ? name : canonical(withDefaultTag(parseReference(name)))];
    const archive = await writeArchive(source, [{ target: root, names }], { ...options, dialect });
    if (to.path === '-') await needed(options.stdout, to)(archive);
    else await writeStreamAtomic(to.path, archive, options.signal);
    return root;
  }
  await using sink = await openSink(host, to, options);
  await copy(source, root, sink, { signal: options.signal, onProgress: options.onProgress, referrers: options.referrers });
  if (from.kind === 'registry' && to.kind === 'store') await requireImages(host.store, root, options);
  if (to.kind !== 'registry' || to.reference.digest === undefined) await sink.tag(root, sinkName(to, name), options);
  return root;
}

interface OpenedSource extends ImageSource, AsyncDisposable {
  readonly target: Descriptor;
  /** What the image is called there, where that is a name for other places too. */
  readonly name: string | undefined;
}

async function openSource(host: Pick<Host, 'store' | 'remote'>, place: Place, options: CopyBetweenOptions): Promise<OpenedSource> {
  switch (place.kind) {
    case 'store': {
      const found = await host.store.find(place.name);
      const held = await host.store.hold([found.target], { verb: 'copy', signal: options.signal });
      return opened(host.store, found.target, found.name && canonical(found.name.reference), async () => held[Symbol.asyncDispose]());
    }
    case 'registry': {
      const repository = host.remote(place.reference);
      return opened(
        repository,
        await repository.resolve(identifier(place.reference), options),
        place.reference.digest === undefined ? canonical(place.reference) : undefined,
      );
    }
    case 'dir': {
      const folder = await Directory.open(place.path);
      return opened(folder, await folder.resolve('', options), undefined);
    }
    case 'oci': {
      const folder = await OciFolder.open(place.path, options);
      const target = place.name === undefined ? only(await folder.entries(), place) : await folder.resolve(place.name, options);
      return opened(folder, target, place.name);
    }
    default: {
      const ingest = await host.store.begin({ verb: 'copy', signal: options.signal });
      try {
        const archive = await openArchive(place.path === '-' ? needed(options.stdin, place) : place.path, {
          signal: options.signal,
          pour: ingest,
        });
        const target = place.name === undefined ? only(archive.entries, place) : await archive.resolve(place.name, options);
        const name = archive.entries.find((entry) => entry.target.digest === target.digest)?.names[0];
        return opened(archive, target, name, async () => {
          await archive[Symbol.asyncDispose]();
          await ingest[Symbol.asyncDispose]();
        });
      } catch (error) {
        await ingest[Symbol.asyncDispose]();
        throw error;
      }
    }
  }
}

function opened(source: ImageSource, target: Descriptor, name: string | undefined, close = async (): Promise<void> => {}): OpenedSource {
  return {
    target,
    name,
    resolve: (text, options) => source.resolve(text, options),
    open: (descriptor, options) => source.open(descriptor, options),
    ...(source.referrers
      ? { referrers: (...asked: Parameters<NonNullable<ImageSource['referrers']>>) => source.referrers?.(...asked) ?? Promise.resolve([]) }
      : {}),
    [Symbol.asyncDispose]: close,
  };
}

function only(entries: readonly { readonly target: Descriptor; readonly names: readonly string[] }[], place: Place): Descriptor {
  const [first, ...others] = entries;
  if (first && others.length === 0) return first.target;
  throw new ImageError('ambiguous', `${formatPlace(place)} has ${entries.length} images`, {
    hint: `Name one after the path: ${entries.flatMap(({ names }) => names).join(', ')}.`,
  });
}

async function openSink(
  host: Pick<Host, 'store' | 'remote'>,
  place: Place,
  options: CopyBetweenOptions,
): Promise<ImageSink & AsyncDisposable> {
  const lasting = (sink: ImageSink): ImageSink & AsyncDisposable => ({
    has: (target, given) => sink.has(target, given),
    write: (target, open, given) => sink.write(target, open, given),
    tag: (target, name, given) => sink.tag(target, name, given),
    [Symbol.asyncDispose]: async () => {},
  });
  switch (place.kind) {
    case 'registry':
      return lasting(host.remote(place.reference));
    case 'oci':
      return lasting(await OciFolder.open(place.path, { create: true, signal: options.signal }));
    case 'dir':
      return lasting(await Directory.open(place.path, { create: true }));
    default:
      return host.store.begin({ verb: 'copy', signal: options.signal });
  }
}

function sinkName(place: Place, name: string | undefined): string {
  switch (place.kind) {
    case 'registry':
      return identifier(place.reference);
    case 'store':
      return canonical(withDefaultTag(parseReference(place.name)));
    case 'oci':
      return place.name ?? name ?? 'latest';
    default:
      return '';
  }
}

function needed<T>(stream: T | undefined, place: Place): T {
  if (stream === undefined) throw new ImageError('invalid-argument', `${formatPlace(place)}: there is no stream here`);
  return stream;
}
