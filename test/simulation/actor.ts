/**
 * One client of a simulated world: the process in which it lives, its own chance, and the numbers of its operations.
 *
 * Invariant: what it does next depends on its seed and on what it was told, not on how much chance others have used.
 */
import type { SessionStore } from '../../src/store/session-store.js';
import { Dice } from './dice.js';
import type { SimulatedProcess } from './process.js';

export class Actor {
  readonly name: string;
  readonly process: SimulatedProcess;
  readonly dice: Dice;
  #ops = 0;

  constructor(seed: number, name: string, process: SimulatedProcess) {
    this.name = name;
    this.process = process;
    this.dice = new Dice(seed, `client ${name}`);
  }

  /** The store of its process, where that is at work now. */
  get store(): SessionStore | undefined {
    return this.process.clock.running ? this.process.store : undefined;
  }

  /** Names its next operation: `writer.number`. */
  nextOp(): string {
    return `${this.name}.${++this.#ops}`;
  }
}
