/**
 * What a node does again and again.
 *
 * Invariant: nothing of it runs any more once it was stopped. Every interval has a tenth of jitter, so that nodes do not fall into step.
 */
import type { Timer } from '../shared/clock.js';
import type { Runtime } from './runtime.js';

export class RecurringTimers {
  readonly #runtime: Pick<Runtime, 'clock' | 'random'>;
  readonly #timers: Timer[] = [];
  #stopped = false;

  constructor(runtime: Pick<Runtime, 'clock' | 'random'>) {
    this.#runtime = runtime;
  }

  get started(): boolean {
    return this.#timers.length > 0;
  }

  /** @param ms milliseconds between two calls, about */
  every(ms: number, fn: () => void): void {
    const { clock, random } = this.#runtime;
    const slot = this.#timers.length;
    const again = (): void => {
      this.#timers[slot] = clock.after(ms * (0.95 + random() * 0.1), () => {
        if (this.#stopped) return;
        again();
        fn();
      });
    };
    again();
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
  }
}
