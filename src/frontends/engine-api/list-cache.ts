/** Milliseconds after which a list is made again though the store says that nothing has changed: other tools write into the folder. */
const life = 1000;

/** Lists are asked for again and again, with the same few questions. */
const capacity = 32;
const maxBytes = 8 * 1024 * 1024;

/** The JSON of lists by what was asked, for as long as the store does not change: making one of thousands of images costs more than all else. */
export class ListCache {
  readonly #epoch: () => string;
  readonly #kept = new Map<string, { readonly json: string; readonly until: number }>();
  #seen = '';

  constructor(epoch: () => string) {
    this.#epoch = epoch;
  }

  async get(question: string, make: () => Promise<unknown>): Promise<string> {
    const epoch = this.#epoch();
    if (epoch !== this.#seen) this.#kept.clear();
    this.#seen = epoch;
    const known = this.#kept.get(question);
    if (known && known.until > performance.now()) return known.json;
    const json = JSON.stringify(await make());
    // What was made while the store changed may be half of the one and half of the other.
    if (epoch === this.#epoch() && json.length <= maxBytes && question.length < 4096) {
      if (this.#kept.size >= capacity) this.#kept.clear();
      this.#kept.set(question, { json, until: performance.now() + life });
    }
    return json;
  }
}
