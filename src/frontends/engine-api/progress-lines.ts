import type { ServerResponse } from 'node:http';
import type { TransferStatus } from '../../operations/transfer-status.ts';

/** Bytes that a client may leave unread; it is cut off then, and the work that it asked for with it. */
const maxBehind = 8 * 1024 * 1024;

/** The stream of a long act: JSON objects, each ended by CR LF and sent at once. The answer's head goes out with the first. */
export class ProgressLines {
  readonly #response: ServerResponse;
  readonly #head: () => void;

  constructor(response: ServerResponse, head: () => void) {
    this.#response = response;
    this.#head = head;
  }

  /** True once a byte is out: an error can no longer have a status. */
  get started(): boolean {
    return this.#response.headersSent;
  }

  /** Sends the head alone, for a client that waits for it. */
  start(): void {
    if (this.started) return;
    this.#head();
    this.#response.flushHeaders();
  }

  write(line: object): void {
    this.raw(`${JSON.stringify(line)}\r\n`);
  }

  /** A line as it is to stand. */
  raw(text: string): void {
    if (this.#response.destroyed) return;
    this.start();
    this.#response.write(text);
    if (this.#response.writableLength > maxBehind) this.#response.destroy();
  }

  /** A row of the client's table. One that only counts is left out where the client does not keep up. */
  status({ id, status, current, total }: TransferStatus): void {
    if (current === undefined) {
      // What is done leaves its bar without numbers.
      const progressDetail = status.endsWith(' complete') ? { hidecounts: true } : {};
      return this.write({ status, progressDetail, id });
    }
    if (!this.#response.writableNeedDrain) this.write({ status, progressDetail: { current, total }, id });
  }

  fail(message: string): void {
    this.write({ errorDetail: { message }, error: message });
  }
}
