import type { Progress } from '../../io/operation.ts';
import type { Shell } from './shell.ts';

/** Tells a shell how far pieces of content have come, all together. `using` it: the activity ends with it. */
export class ProgressOf implements Disposable {
  readonly #shell: Shell;
  readonly #activity: string;
  readonly #status: string;
  readonly #pieces = new Map<string, { readonly size: number; done: number }>();

  constructor(shell: Shell, activity: string, status: string) {
    this.#shell = shell;
    this.#activity = activity;
    this.#status = status;
  }

  readonly on = ({ target: { digest, size }, state, current = 0 }: Progress): void => {
    const isDone = state !== 'waiting' && state !== 'copying' && state !== 'retrying';
    this.#pieces.set(digest, { size, done: isDone ? size : current });
    let [done, all] = [0, 0];
    for (const piece of this.#pieces.values()) {
      done += piece.done;
      all += piece.size;
    }
    this.#shell.writeProgress({
      id: 1,
      activity: this.#activity,
      status: this.#status,
      percent: all === 0 ? undefined : (100 * done) / all,
    });
  };

  [Symbol.dispose](): void {
    this.#shell.writeProgress({ id: 1, activity: this.#activity, status: this.#status, completed: true });
  }
}
