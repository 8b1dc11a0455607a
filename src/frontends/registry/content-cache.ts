import type { Digest } from '../../model/digest.ts';

/**
 * Small content by digest, the least lately used dropped first. It never grows stale, as a digest's bytes never change; but a digest is no permission:
 * whoever asks has found it in the repository before (CVE-2024-39897).
 */
export class ContentCache {
  readonly #limit: number;
  readonly #entries = new Map<Digest, Buffer>();
  readonly #loading = new Map<Digest, Promise<Buffer>>();
  #bytes = 0;

  /** Bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The bytes from memory, or as `load` gives them; many who ask at once share one load. */
  async get(digest: Digest, load: () => Promise<Buffer>): Promise<Buffer> {
    const kept = this.#entries.get(digest);
    if (kept) {
      this.#entries.delete(digest);
      this.#entries.set(digest, kept);
      return kept;
    }
    let loading = this.#loading.get(digest);
    if (!loading) {
      loading = load().finally(() => this.#loading.delete(digest));
      this.#loading.set(digest, loading);
    }
    const bytes = await loading;
    this.#keep(digest, bytes);
    return bytes;
  }

  #keep(digest: Digest, bytes: Buffer): void {
    if (this.#entries.has(digest) || bytes.length > this.#limit / 8) return;
    this.#entries.set(digest, bytes);
    this.#bytes += bytes.length;
    for (const [oldest, dropped] of this.#entries) {
      if (this.#bytes <= this.#limit) break;
      this.#entries.delete(oldest);
      this.#bytes -= dropped.length;
    }
  }
}
