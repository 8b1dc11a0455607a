import { maxManifestBytes } from '../../model/manifest.ts';

/** What one client can make the door do. Times are milliseconds, sizes bytes. */
export interface Limits {
  /** Of a manifest's body: 413 above it. */
  readonly manifestBytes: number;
  /** Of a blob: 413 above it. */
  readonly blobBytes: number;
  /** Without a byte from a client that is waited for. */
  readonly idle: number;
  /** For the headers of a request. */
  readonly headers: number;
  /** For the whole body of a manifest. */
  readonly manifestTime: number;
  /** Bodies of blobs taken in at once: 429 above it. */
  readonly uploads: number;
  /** Bodies of manifests taken in at once: 429 above it. Each may need `manifestBytes` of memory. */
  readonly manifests: number;
  /** Names in one page of tags or of the catalog. A larger `n` is cut to it: refusing has broken clients elsewhere. */
  readonly page: number;
  /** Tags set by one PUT (`?tag=`): 414 above it. */
  readonly tagsAtOnce: number;
  /** Of manifests and small blobs kept in memory. */
  readonly memory: number;
}

export const defaultLimits: Limits = {
  manifestBytes: maxManifestBytes,
  blobBytes: 128 * 2 ** 30,
  idle: 60_000,
  headers: 20_000,
  manifestTime: 120_000,
  uploads: 256,
  manifests: 64,
  page: 1000,
  tagsAtOnce: 100,
  memory: 64 * 2 ** 20,
};
