/**
 * Chance for one purpose, apart from all other chance of a world.
 *
 * Invariant: the numbers depend on the seed, the purpose and how often `turn` was called, and on nothing else; so a fault that is left out
 * of a world does not change what is drawn for the others.
 */
export class Dice {
  readonly #seed: number;
  #state: number;

  constructor(seed: number, purpose: string) {
    let hash = Math.imul(seed, 2_654_435_761) >>> 0;
    for (let i = 0; i < purpose.length; i++) hash = Math.imul(hash ^ purpose.charCodeAt(i), 0x01000193);
    this.#seed = hash;
    this.#state = hash;
  }

  /** Begins the draws of the n-th occasion; how many the ones before took does not matter. */
  turn(n: number): void {
    this.#state = Math.imul(this.#seed ^ n, 0x9e3779b1) ^ (n >>> 3);
  }

  /** A number in [0, 1) (mulberry32). */
  readonly random = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  between(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  oneOf<T>(all: readonly T[]): T {
    return all[this.between(0, all.length - 1)]!;
  }
}
