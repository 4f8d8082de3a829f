/**
 * Those who wait for answers of a state machine, by the token under which each has asked.
 *
 * Invariant: whoever asks is answered once at most; a token means the same asker for ever, so a late answer meets nobody.
 */
export interface Asker<A> {
  answered(answer: A): void;
}

export class Askers<A> {
  readonly #waiting = new Map<number, Asker<A>>();
  #tokens = 0;

  /** @returns the token to ask under */
  add(asker: Asker<A>): number {
    this.#waiting.set(++this.#tokens, asker);
    return this.#tokens;
  }

  answer(token: number, answer: A): void {
    const asker = this.#waiting.get(token);
    if (asker === undefined) return;
    this.#waiting.delete(token);
    asker.answered(answer);
  }
}
