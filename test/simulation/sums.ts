/**
 * What many simulated worlds came to, together.
 *
 * Invariant: plain numbers only, so that sums of several threads can be added up.
 */
import { addCounts, sumOf } from './fault-book.js';
import type { FaultCounts } from './fault-book.js';
import type { Report } from './world.js';

export interface SumsOf {
  seeds: number;
  acknowledged: number;
  notStored: number;
  unknown: number;
  reads: number;
  merges: number;
  expired: number;
  readonly faults: FaultCounts;
}

export class Sums {
  readonly plain: SumsOf = { seeds: 0, acknowledged: 0, notStored: 0, unknown: 0, reads: 0, merges: 0, expired: 0, faults: {} };

  get faults(): number {
    return sumOf(this.plain.faults);
  }

  add(report: Report): void {
    this.take({ ...report, seeds: 1 });
  }

  take(more: Readonly<SumsOf>): void {
    const sums = this.plain;
    sums.seeds += more.seeds;
    sums.acknowledged += more.acknowledged;
    sums.notStored += more.notStored;
    sums.unknown += more.unknown;
    sums.reads += more.reads;
    sums.merges += more.merges;
    sums.expired += more.expired;
    addCounts(sums.faults, more.faults);
  }
}
