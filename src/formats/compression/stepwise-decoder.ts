import { Transform, type TransformCallback } from 'node:stream';
import { asImageError } from '../../errors.ts';
import { InputBuffer } from './input-buffer.ts';
import type { Passed } from './limits.ts';

/** A decoder written as one straight run over its input: yields bytes that it has made, or undefined to be called again when there is more input. */
export type Steps = Generator<Uint8Array | undefined, void, void>;

/** Runs such a decoder as a stream: it goes on only as far as its reader and its input let it. */
export class StepwiseDecoder extends Transform {
  readonly #input = new InputBuffer();
  readonly #steps: Steps;
  readonly #passed: Passed;
  #resume: (() => void) | undefined;

  constructor(decode: (input: InputBuffer) => Steps, passed: Passed) {
    super({ readableHighWaterMark: 1 << 20, writableHighWaterMark: 256 << 10 });
    this.#steps = decode(this.#input);
    this.#passed = passed;
  }

  override _read(size: number): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
    // also after it: what it has just let go of waits there, and nobody would ask again
    // oxlint-disable-next-line no-underscore-dangle -- the name is Node's
    super._read(size);
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, callback: TransformCallback): void {
    this.#passed.addInput(chunk.length);
    this.#input.append(chunk);
    this.#run(callback);
  }

  override _flush(callback: TransformCallback): void {
    this.#input.end();
    this.#run(callback);
  }

  #run(callback: TransformCallback): void {
    try {
      for (;;) {
        const step = this.#steps.next();
        if (step.done || step.value === undefined) return callback();
        const tooLarge = this.#passed.addOutput(step.value.length);
        if (tooLarge) return callback(tooLarge);
        if (!this.push(step.value)) {
          this.#resume = () => this.#run(callback);
          return;
        }
      }
    } catch (error) {
      callback(asImageError(error, `cannot decompress ${this.#passed.what} data`));
    }
  }
}
