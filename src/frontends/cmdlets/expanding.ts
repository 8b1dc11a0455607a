import type { Shell } from './shell.ts';

/** The progress of a .wim that becomes an image, under the name that the Containers module gave it. `using` it: the activity ends with it. */
export class Expanding implements Disposable {
  readonly #shell: Shell;
  readonly #status: string;

  constructor(shell: Shell, status: string) {
    this.#shell = shell;
    this.#status = status;
  }

  readonly on = ({ done, total }: { readonly done: number; readonly total: number }): void => {
    const percent = total === 0 ? undefined : (100 * done) / total;
    this.#shell.writeProgress({ id: 2, activity: 'Expanding...', status: this.#status, percent });
  };

  [Symbol.dispose](): void {
    this.#shell.writeProgress({ id: 2, activity: 'Expanding...', status: this.#status, completed: true });
  }
}
