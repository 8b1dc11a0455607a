import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { download } from '../catalog/download.ts';
import type { FoundBaseImage } from '../catalog/found-image.ts';
import { Image } from '../content/image.ts';
import { writeArchive } from '../content/write-archive.ts';
import { asImageError, ImageError, isSystemError } from '../errors.ts';
import { writeStreamAtomic } from '../io/atomic-file.ts';
import { makeFolderPath } from '../io/make-folder-path.ts';
import type { Operation } from '../io/operation.ts';
import { refuseOddPath } from '../io/path-rules.ts';
import { baseReference } from '../model/base-identity.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { canonical } from '../model/reference.ts';
import type { Host } from './host.ts';
import { fetchImage } from './install-base.ts';
import type { SaveWimOptions } from './save-wim.ts';

export interface SaveBaseOptions extends Operation {
  /** Replaces a file that is there, when the new one is whole. */
  readonly overwrite?: boolean | undefined;
  /** Where a registry's image becomes a .wim, and a .wim cannot hold all of it. */
  readonly accept?: SaveWimOptions['accept'];
  /** Told when a registry's image has been fetched and is packed as a .wim, in bytes of files. */
  readonly onSaving?: SaveWimOptions['onSaving'];
}

/**
 * Downloads what a source offers to a file, and installs nothing: the .wim or archive as it is; a registry's image as an OCI archive where the path ends in `.tar`, else as a .wim.
 * @param path absolute; its folder is made where it is not there
 * @throws ImageError `invalid-argument` for a folder, or for an archive that is to be a .wim; `conflict` for a file that is there; else as `download`
 */
export async function saveBaseImage(
  host: Pick<Host, 'store' | 'remote'>,
  found: FoundBaseImage,
  path: string,
  options: SaveBaseOptions = {},
): Promise<void> {
  const { content } = found;
  const asArchive = /\.tar$/i.test(path);
  if (content.kind !== 'registry' && asArchive !== (content.kind === 'oci-archive'))
    throw new ImageError(
      'invalid-argument',
      `${found.name} ${found.version} is published as ${asArchive ? 'a .wim file' : 'an OCI archive'}`,
      {
        hint: `Choose a destination that ends in ${asArchive ? '.wim' : '.tar'}.`,
      },
    );
  await prepareDestination(path, options);
  if (content.kind !== 'registry') return download(content, path, options);
  const { root, origin } = await saveFetched(host, found, path, asArchive, options);
  // Nothing holds it any more: it was only passing through.
  await host.store.sweep({ signal: options.signal, roots: [root.digest, origin.digest] });
}

async function saveFetched(
  host: Pick<Host, 'store' | 'remote'>,
  found: FoundBaseImage,
  path: string,
  asArchive: boolean,
  options: SaveBaseOptions,
): Promise<{ readonly root: Descriptor; readonly origin: Descriptor }> {
  if (found.content.kind !== 'registry') throw new ImageError('internal', 'only what a registry has is fetched');
  await using ingest = await host.store.begin({ verb: 'save', signal: options.signal });
  const { root, origin } = await fetchImage(host, found.content, ingest, options);
  const { signal, accept, onSaving } = options;
  if (asArchive) {
    const names = [canonical(baseReference(found))];
    await writeStreamAtomic(path, await writeArchive(ingest, [{ target: root, names }], { signal }), signal);
  } else {
    const { writeImageWim } = await import('./save-wim.ts');
    await writeImageWim(host, await Image.open(ingest, root, { signal }), found, path, { signal, accept, onSaving, overwrite: true });
  }
  return { root, origin };
}

/** What a file of this image is called where only a folder is named: `NanoServer-10-0-14300-1010.wim`. */
export function savedFileName({ name, version, content }: FoundBaseImage): string {
  return `${name}-${version.replaceAll('.', '-')}${content.kind === 'oci-archive' ? '.tar' : '.wim'}`;
}

async function prepareDestination(path: string, { overwrite = false }: SaveBaseOptions): Promise<void> {
  refuseOddPath(path);
  try {
    makeFolderPath(dirname(path));
  } catch (error) {
    if (isSystemError(error, 'EEXIST'))
      throw new ImageError('invalid-argument', `cannot write ${path}: ${dirname(path)} is a file, not a folder`, { detail: { path } });
    throw asImageError(error, `cannot make ${dirname(path)}`);
  }
  const there = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw asImageError(error, `cannot write ${path}`);
  });
  if (there === undefined) return;
  if (there.isDirectory())
    throw new ImageError('invalid-argument', 'Please provide file name with path.', { hint: `${path} is a folder.`, detail: { path } });
  if (!there.isFile()) throw new ImageError('invalid-argument', `cannot write ${path}: it is a device, not a file`, { detail: { path } });
  if (!overwrite)
    throw new ImageError('conflict', `${path} already exists`, {
      hint: 'Use --force to overwrite it, or choose another destination.',
      detail: { path },
    });
  if ((there.mode & 0o222) === 0)
    throw new ImageError('permission', `Cannot over write read-only file: ${path}`, {
      hint: 'Remove read-only from it, or choose another destination.',
      detail: { path },
    });
}
