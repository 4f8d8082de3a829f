/** Runs every k-th seed of a range in a thread of its own and tells which failed. */
import { parentPort, workerData } from 'node:worker_threads';
import { sumOf } from './fault-book.js';
import { SCENARIOS } from './scenario.js';
import { simulate } from './world.js';

export interface SeedRange {
  readonly first: number;
  readonly count: number;
  readonly step: number;
}

export interface Failure {
  readonly seed: number;
  readonly scenario: string;
  readonly violations: readonly string[];
}

export interface SeedsReport {
  readonly seeds: number;
  readonly failures: readonly Failure[];
  readonly acknowledged: number;
  readonly merges: number;
  readonly faults: number;
  readonly expired: number;
}

if (parentPort !== null) {
  const { first, count, step } = workerData as SeedRange;
  const scenarios = Object.values(SCENARIOS);
  const failures: Failure[] = [];
  let seeds = 0;
  let acknowledged = 0;
  let merges = 0;
  let faults = 0;
  let expired = 0;
  for (let seed = first; seed < first + count; seed += step) {
    const scenario = scenarios[seed % scenarios.length]!;
    const report = await simulate(seed, scenario);
    seeds++;
    acknowledged += report.acknowledged;
    merges += report.merges;
    faults += sumOf(report.faults);
    expired += report.expired;
    if (report.violations.length > 0) failures.push({ seed, scenario: scenario.name, violations: report.violations });
  }
  parentPort.postMessage({ seeds, failures, acknowledged, merges, faults, expired } satisfies SeedsReport);
}
