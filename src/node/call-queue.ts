/**
 * Calls of one state machine.
 *
 * Invariant: they are made one at a time and in their order: what is called for while another call is under way, or while its effects are
 * carried out, runs behind that.
 */
export class CallQueue {
  readonly #make: (call: () => void) => void;
  readonly #later: (() => void)[] = [];
  #busy = false;

  /** @param make makes a call and carries out what comes of it */
  constructor(make: (call: () => void) => void) {
    this.#make = make;
  }

  get busy(): boolean {
    return this.#busy;
  }

  run(call: () => void): void {
    if (this.#busy) {
      this.#later.push(call);
      return;
    }
    this.#busy = true;
    try {
      for (let next: (() => void) | undefined = call; next !== undefined; next = this.#later.shift()) this.#make(next);
    } finally {
      this.#busy = false;
    }
  }
}
