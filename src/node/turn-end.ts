/**
 * Something to do once the code that runs now has come to its end, and all that is awaited side by side with it.
 *
 * Invariant: however often it is asked for in one turn, it is done once; whoever comes alone waits for nothing that takes time.
 */
export class TurnEnd {
  readonly #fn: () => void;
  #asked = false;

  constructor(fn: () => void) {
    this.#fn = fn;
  }

  ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    queueMicrotask(this.#run);
  }

  readonly #run = (): void => {
    this.#asked = false;
    this.#fn();
  };
}
