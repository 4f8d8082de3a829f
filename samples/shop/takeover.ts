/**
 * What happens after a kill, step by step, as it is told.
 *
 * Invariant: each step is told once, with its time since the kill; what was not told has not been seen to happen.
 */

export type Step =
  /** `kill -9` was sent. */
  | 'killed'
  /** A backup found that the primary does not answer. */
  | 'suspected'
  /** Its `LEAD` is in the log. */
  | 'promoted'
  /** A strong read was answered: it shows everything that was ever acknowledged, and so does the new primary. */
  | 'answered'
  /** There is a backup again that has come up to the primary. */
  | 'protected'
  /** The killed server is back. */
  | 'restarted';

export interface StepTaken {
  readonly step: Step;
  readonly ms: number;
  readonly server: string;
}

export interface TakeoverTold {
  readonly server: string;
  /** In the order of their times. */
  readonly steps: readonly StepTaken[];
  readonly isOver: boolean;
}

const LAST: readonly Step[] = ['answered', 'protected', 'restarted'];

export class Takeover {
  readonly server: string;
  readonly partition: number;
  readonly #killedMs: number;
  readonly #steps: StepTaken[];

  constructor(server: string, partition: number, killedMs: number) {
    this.server = server;
    this.partition = partition;
    this.#killedMs = killedMs;
    this.#steps = [{ step: 'killed', ms: 0, server }];
  }

  get told(): TakeoverTold {
    return {
      server: this.server,
      steps: this.#steps.toSorted((a, b) => a.ms - b.ms),
      isOver: LAST.every((step) => this.has(step)),
    };
  }

  has(step: Step): boolean {
    return this.#steps.some((taken) => taken.step === step);
  }

  /** @returns whether that is new */
  take(step: Step, atMs: number, server: string): boolean {
    if (this.has(step)) return false;
    this.#steps.push({ step, ms: Math.max(0, Math.round(atMs - this.#killedMs)), server });
    return true;
  }
}
