import { jsonBytes } from './answer.ts';

/** Milliseconds after which a list is made again though the store says that nothing has changed: other tools write into the folder. */
const life = 1000;

/** Bytes that are kept, of all lists together. */
const capacity = 8 * 1024 * 1024;

/** A question may have any filters: a long one is nobody's habit. */
const maxQuestion = 4096;

/** The JSON of lists, as it is sent, by what was asked, for as long as the store does not change: making one of thousands of images costs more than all else. */
export class ListCache {
  readonly #epoch: () => string;
  readonly #kept = new Map<string, { readonly json: Buffer; readonly until: number }>();
  #seen = '';
  #size = 0;
  #end: NodeJS.Timeout | undefined;

  /** `epoch` is the store's. */
  constructor(epoch: () => string) {
    this.#epoch = epoch;
  }

  async get(question: string, make: () => Promise<unknown>): Promise<Buffer> {
    const epoch = this.#epoch();
    if (epoch !== this.#seen) this.#clear();
    this.#seen = epoch;
    const known = this.#kept.get(question);
    if (known && known.until > performance.now()) return known.json;
    const json = jsonBytes(await make());
    // What was made while the store changed may be half of the one and half of the other.
    if (epoch === this.#epoch() && epoch === this.#seen) this.#keep(question, json);
    return json;
  }

  #keep(question: string, json: Buffer): void {
    if (json.length > capacity || question.length > maxQuestion) return;
    if (this.#size + json.length > capacity) this.#clear();
    this.#size += json.length - (this.#kept.get(question)?.json.length ?? 0);
    this.#kept.set(question, { json, until: performance.now() + life });
    clearTimeout(this.#end);
    this.#end = setTimeout(() => this.#clear(), life).unref();
  }

  #clear(): void {
    this.#kept.clear();
    this.#size = 0;
  }
}
