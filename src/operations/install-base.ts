import { release } from 'node:os';
import type { FoundBaseImage, FoundContent } from '../catalog/found-image.ts';
import { chooseImage } from '../catalog/read-registry.ts';
import type { ImageSource } from '../content/image-source.ts';
import { openArchive } from '../content/open-archive.ts';
import { requireImages } from '../content/require-images.ts';
import { ImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import { normalizePublisher, type PublisherSource } from '../model/base-identity.ts';
import { windowsRuns } from '../model/base-version.ts';
import type { WimLoss } from '../layers/wim-losses.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Identity } from '../model/identity.ts';
import { canonical, identifier, type Reference } from '../model/reference.ts';
import type { RecordedIdentity } from '../store/image-identity.ts';
import type { Ingest } from '../store/ingest.ts';
import { withDownload } from './base-download.ts';
import { baseImageName } from './base-image-name.ts';
import type { Host } from './host.ts';
import type { InstallWimOptions } from './install-wim.ts';
import { keepSelection } from './keep-selection.ts';

export interface InstallBaseOptions extends Operation {
  /** Where a file lies until it is installed. */
  readonly downloads: string;
  /** Taken for the publisher in place of what the source says. */
  readonly publisher?: string | undefined;
  /** As `installWim`'s. */
  readonly accept?: InstallWimOptions['accept'];
  /** Told when what was downloaded is unpacked, in bytes of files; a registry's image is not. */
  readonly onExpanding?: InstallWimOptions['onExpanding'];
}

export interface InstalledBase extends Identity {
  readonly publisherSource?: PublisherSource | undefined;
  readonly reference: Reference;
  readonly root: Descriptor;
  /** False where the same image had this name before. */
  readonly changed: boolean;
  /** Milliseconds that the download took. */
  readonly downloaded: number;
  /** What the image could not hold of its file, and what was odd in that. */
  readonly losses: readonly WimLoss[];
  readonly warnings: readonly string[];
}

/**
 * Installs what a source offers, from wherever that is: a registry's image keeps its bytes and its digest, and is known by its name, publisher and version all the same.
 * It gets its name as the last step.
 * @throws ImageError as `download`, `copy` and the reading of what was downloaded
 */
export async function installBaseImage(
  host: Pick<Host, 'store' | 'containers' | 'remote'>,
  found: FoundBaseImage,
  options: InstallBaseOptions,
): Promise<InstalledBase> {
  const installed = await installFound(host, found, options);
  const warning = hostWarning(found);
  return warning === undefined ? installed : { ...installed, warnings: [...installed.warnings, warning] };
}

/** Where this machine is a Windows that cannot start containers of this one. The newest version is the newest all the same: images are kept for other hosts too. */
function hostWarning({ name, version }: FoundBaseImage): string | undefined {
  if (process.platform !== 'win32' || !version.startsWith('10.0.') || windowsRuns(release(), version)) return undefined;
  return `${name} ${version} does not fit this host (${release()}): its containers start here with Hyper-V isolation only`;
}

async function installFound(
  host: Pick<Host, 'store' | 'containers' | 'remote'>,
  found: FoundBaseImage,
  options: InstallBaseOptions,
): Promise<InstalledBase> {
  const { content } = found;
  const started = performance.now();
  if (content.kind === 'registry') {
    await using ingest = await host.store.begin({ verb: 'install', signal: options.signal });
    const { root, origin } = await fetchImage(host, content, ingest, options);
    return { ...(await nameBase(host, ingest, root, { found, origin, options })), downloaded: performance.now() - started };
  }
  let downloaded = 0;
  const installed = await withDownload(content, options.downloads, content.kind === 'wim' ? '.wim' : '.tar', options, (path) => {
    downloaded = performance.now() - started;
    return content.kind === 'wim' ? expandBase(host, path, found, options) : loadBase(host, path, found, options);
  });
  return { ...installed, downloaded };
}

/** A registry's image, into a store: one platform of it, its index as the origin. @throws ImageError as `requireImages` */
export async function fetchImage(
  host: Pick<Host, 'remote'>,
  content: Extract<FoundContent, { kind: 'registry' }>,
  ingest: Ingest,
  operation: Operation,
): Promise<{ readonly root: Descriptor; readonly origin: Descriptor }> {
  const remote = host.remote(content.reference);
  const origin = await remote.resolve(identifier(content.reference), operation);
  const selection = await chooseImage(remote, origin, content, operation);
  await keepSelection(remote, selection, ingest, operation);
  await requireImages(ingest, selection.root, operation);
  return { root: selection.root, origin };
}

async function expandBase(
  host: Pick<Host, 'store' | 'containers'>,
  path: string,
  { name, version, publisher }: FoundBaseImage,
  options: InstallBaseOptions,
): Promise<Omit<InstalledBase, 'downloaded'>> {
  const { installWim } = await import('./install-wim.ts');
  const said = options.publisher ?? publisher;
  return installWim(host, path, {
    name,
    version,
    ...(said === '' ? {} : { publisher: said, publisherSource: options.publisher === undefined ? 'catalogue' : 'parameter' }),
    accept: options.accept,
    signal: options.signal,
    onExpanding: options.onExpanding,
  });
}

async function loadBase(
  host: Pick<Host, 'store'>,
  path: string,
  found: FoundBaseImage,
  options: InstallBaseOptions,
): Promise<Omit<InstalledBase, 'downloaded'>> {
  await using ingest = await host.store.begin({ verb: 'install', signal: options.signal });
  await using archive = await openArchive(path, { signal: options.signal, pour: ingest });
  const { root, origin } = await copyArchive(archive, ingest, options);
  return await nameBase(host, ingest, root, { found, origin, options });
}

/** The one image of an archive, into a store. @throws ImageError `invalid-content` where it has none, or several; as `requireImages` */
async function copyArchive(
  archive: ImageSource & { readonly entries: readonly { readonly target: Descriptor }[] },
  ingest: Ingest,
  operation: Operation,
): Promise<{ readonly root: Descriptor; readonly origin: Descriptor }> {
  const [entry, ...others] = new Map(archive.entries.map(({ target }) => [target.digest, target])).values();
  if (entry === undefined || others.length > 0)
    throw new ImageError('invalid-content', `the archive has ${entry ? others.length + 1 : 0} images, and a base image is one`);
  const selection = await chooseImage(archive, entry, {}, operation);
  await keepSelection(archive, selection, ingest, operation);
  await requireImages(ingest, selection.root, operation);
  return { root: selection.root, origin: entry };
}

async function nameBase(
  host: Pick<Host, 'store'>,
  ingest: Ingest,
  root: Descriptor,
  {
    found: { name, version, publisher: said },
    origin,
    options,
  }: { readonly found: FoundBaseImage; readonly origin: Descriptor; readonly options: InstallBaseOptions },
): Promise<Omit<InstalledBase, 'downloaded'>> {
  const publisher = normalizePublisher(options.publisher ?? said);
  const publisherSource = publisher === '' ? undefined : options.publisher === undefined ? ('catalogue' as const) : ('parameter' as const);
  const identity: RecordedIdentity = { name, publisher, version, ...(publisherSource ? { source: publisherSource } : {}) };
  const reference = await baseImageName(host, identity);
  const { moved } = await ingest.name(root, canonical(reference), { origin, identity });
  return { name, publisher, version, publisherSource, reference, root, changed: moved, losses: [], warnings: [] };
}
