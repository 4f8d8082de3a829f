/** Tells the primary how far this replica is: often enough to count as warm, and at once where a record asks for it (rule 15). */
import type { NodeId } from '../shared/ids.js';
import type { Effect, Role } from './effect.js';
import type { Ledger } from './ledger.js';
import type { Instant } from './machine-options.js';
import type { Timing } from './timing.js';

export class PositionReporter {
  readonly #self: NodeId;
  readonly #reportMs: number;
  readonly #emit: (effect: Effect) => void;
  #reportedMs = 0;

  constructor(self: NodeId, { reportMs }: Timing, emit: (effect: Effect) => void) {
    this.#self = self;
    this.#reportMs = reportMs;
    this.#emit = emit;
  }

  tick(now: Instant, role: Role, ledger: Ledger<unknown>): void {
    if (now.ms - this.#reportedMs >= this.#reportMs) this.report(now, role, ledger);
  }

  report(now: Instant, role: Role, { leader, epoch, applied, loading }: Ledger<unknown>): void {
    // what is not loaded yet is held for nobody
    if (loading || role !== 'following' || leader === undefined || leader === this.#self) return;
    this.#reportedMs = now.ms;
    this.#emit({ type: 'report', to: leader, epoch, position: applied });
  }
}
