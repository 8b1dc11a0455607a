import type { ImageSink, TagOptions, WriteOptions } from '../content/image-sink.ts';
import type { ImageSource } from '../content/image-source.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { DigestAlgorithm } from '../model/digest.ts';
import type { Platform } from '../model/platform.ts';
import type { RecordedIdentity } from './image-identity.ts';
import type { RecordedParent } from './relation.ts';

export interface BeginOptions extends Operation {
  /** What the journal's rows will say: pull, load, tag … Default `tag`. */
  readonly verb?: string | undefined;
  /** What `holders` shows of this lease. Default: the verb. */
  readonly purpose?: string | undefined;
  /** A blob that another such ingest of this process is fetching is waited for, and not fetched twice. For sources that never rest for long without failing. */
  readonly shared?: boolean | undefined;
}

export interface AddOptions extends Operation {
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly platform?: Platform | undefined;
  /** Default `sha256`. */
  readonly algorithm?: DigestAlgorithm | undefined;
}

export interface IngestWriteOptions extends WriteOptions {
  /** Keeps an index without (all of) its manifests: the origin of a pull of one platform. It can be read; `has` does not count it as here. */
  readonly sparse?: boolean | undefined;
}

export interface NameOptions extends TagOptions {
  /** What it was made from: recorded with the name. Its content stays as long as that of the image does. */
  readonly parent?: RecordedParent | undefined;
  /** What it is installed as, where its documents do not say so, which keep their bytes: recorded with the name, and listed by `traits`. */
  readonly identity?: RecordedIdentity | undefined;
}

/** What tagging did. */
export interface Tagged {
  /** False where the name pointed there already: nothing is journalled then. */
  readonly moved: boolean;
  /** What the name pointed at, where it was there. */
  readonly before?: Descriptor;
}

/**
 * Writing under a lease: what was written here, or found here by `has`, cannot be swept until it is disposed. `await using` it.
 * As a source it reads what the store has, the poured-in pieces of an archive included.
 */
export interface Ingest extends ImageSink, ImageSource, AsyncDisposable {
  /** Keeps content whose digest is not known beforehand. The descriptor has what the options say. */
  add(mediaType: string, body: AsyncIterable<Uint8Array> | Uint8Array, options?: AddOptions): Promise<Descriptor>;
  write(target: Descriptor, open: (offset: number) => Promise<AsyncIterable<Uint8Array>>, options?: IngestWriteOptions): Promise<void>;
  /** Makes it an image of the store without a name (`load` of an archive without names, `import` without a reference): listed as dangling, kept until forgotten. No-op where it is one, with a name or without. */
  keep(target: Descriptor, options?: Pick<NameOptions, 'parent'>): Promise<void>;
  /** As `tag`, and says what it did. */
  name(target: Descriptor, name: string, options?: NameOptions): Promise<Tagged>;
}
