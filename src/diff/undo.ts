/**
 * What was changed while a graph advances without a draft, to be put back where a change cannot be finished.
 *
 * Invariant: it keeps nothing alive once it is over.
 */
import type { AdvanceLog, Scanned } from './node.js';

export class Undo implements AdvanceLog {
  /** A node, a place in it and the old value, in turns. */
  readonly #steps: unknown[] = [];
  #count = 0;

  push(node: Scanned, place: number, old: unknown): void {
    this.#steps[this.#count++] = node;
    this.#steps[this.#count++] = place;
    this.#steps[this.#count++] = old;
  }

  /** Puts everything back, the last first. */
  takeBack(): void {
    const steps = this.#steps;
    for (let i = this.#count - 3; i >= 0; i -= 3) (steps[i] as Scanned).restore(steps[i + 1] as number, steps[i + 2]);
    this.forget();
  }

  forget(): void {
    // cheaper than a new length
    for (let i = 0; i < this.#count; i++) this.#steps[i] = undefined;
    this.#count = 0;
  }
}
