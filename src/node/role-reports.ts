/** Turns a replica's roles into reports: whether it led until now, and how long its primary had been suspected when it took over. */
import type { Effect } from '../replication/effect.js';
import type { Partition } from '../shared/ids.js';
import type { NodeEvent } from './runtime.js';

export class RoleReports {
  readonly #partition: Partition;
  #led = false;
  /** Since when the primary is suspected here. */
  #suspectedMs: number | undefined;

  constructor(partition: Partition) {
    this.#partition = partition;
  }

  looked(nowMs: number, suspected: boolean): void {
    if (!suspected) this.#suspectedMs = undefined;
    else this.#suspectedMs ??= nowMs;
  }

  turned(nowMs: number, effect: Extract<Effect, { type: 'role' }>): NodeEvent {
    const leads = effect.role === 'leading';
    const ms = leads && this.#suspectedMs !== undefined ? nowMs - this.#suspectedMs : undefined;
    const led = this.#led;
    this.#led = leads;
    this.#suspectedMs = undefined;
    return { ...effect, partition: this.#partition, led, ms };
  }
}
