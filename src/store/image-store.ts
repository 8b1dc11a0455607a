import type { Readable } from 'node:stream';
import type { ImageSource, OpenOptions } from '../content/image-source.ts';
import type { Page, Repository } from '../content/repository.ts';
import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import type { Reference } from '../model/reference.ts';
import type { Fault } from './check.ts';
import type { Holder } from './holders.ts';
import type { FoundImage, ImageName, ImageRecord } from './image-record.ts';
import type { BeginOptions, Ingest } from './ingest.ts';
import type { JournalEntry, JournalOptions } from './journal.ts';
import type { Swept, SweepOptions } from './sweep.ts';
import type { Usage } from './usage.ts';

export interface StoreOptions {
  /** Who the journal says it was. Default: the user's name. */
  readonly actor?: string | undefined;
  readonly now?: (() => Date) | undefined;
  /** Makes the store where there is none. Default true. */
  readonly create?: boolean | undefined;
}

/** One directory, a valid OCI image layout, shared by many processes of one user. Any of them reads; it is written only through `begin` and `repository`. */
export declare class ImageStore implements ImageSource, AsyncDisposable {
  static open(folder: string, options?: StoreOptions): Promise<ImageStore>;
  get path(): string;
  begin(options?: BeginOptions): Promise<Ingest>;
  repository(reference: Pick<Reference, 'registry' | 'repository'>): Repository;
  repositories(page?: Page): Promise<readonly string[]>;
  find(name: string): Promise<FoundImage>;
  resolve(name: string): Promise<Descriptor>;
  open(target: Descriptor, options?: OpenOptions): Promise<Readable>;
  read(target: Descriptor, limit: number): Promise<Buffer>;
  has(target: Descriptor): Promise<boolean>;
  referrers(subject: Descriptor, artifactType?: string): Promise<readonly Descriptor[]>;
  images(): Promise<readonly ImageRecord[]>;
  image(target: Digest): Promise<ImageRecord | undefined>;
  names(): Promise<readonly ImageName[]>;
  untag(name: Reference, options: { readonly verb: string }): Promise<void>;
  forget(target: Digest, options: { readonly verb: string; readonly names?: 'all' }): Promise<void>;
  sweep(options?: SweepOptions): Promise<Swept>;
  holders(digest: Digest): Promise<readonly Holder[]>;
  journal(options?: JournalOptions): Promise<readonly JournalEntry[]>;
  check(options?: Operation): Promise<readonly Fault[]>;
  usage(): Promise<Usage>;
  changed(): boolean;
  flush(): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
