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
  /** It was told less than was applied, because a passivated session was awaited. */
  #owes = false;

  constructor(self: NodeId, { reportMs }: Timing, emit: (effect: Effect) => void) {
    this.#self = self;
    this.#reportMs = reportMs;
    this.#emit = emit;
  }

  tick(now: Instant, role: Role, ledger: Ledger<unknown>): void {
    const paid = this.#owes && ledger.passivation.behind.size === 0;
    if (paid || now.ms - this.#reportedMs >= this.#reportMs) this.report(now, role, ledger);
  }

  report(now: Instant, role: Role, { leader, epoch, applied, loading, passivation }: Ledger<unknown>): void {
    // what is not loaded yet is held for nobody
    if (loading || role !== 'following' || leader === undefined || leader === this.#self) return;
    this.#reportedMs = now.ms;
    const position = passivation.held(applied);
    this.#owes = position < applied;
    this.#emit({ type: 'report', to: leader, epoch, position });
  }
}
