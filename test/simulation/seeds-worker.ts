/** Runs seeds of the simulated world in a thread of its own, a few at a time, and tells what came of them. */
// threads have no origin
/* oxlint-disable unicorn/require-post-message-target-origin */
import { parentPort } from 'node:worker_threads';
import { Sums } from './sums.js';
import type { SumsOf } from './sums.js';
import { scenariosOf } from './scenario.js';
import { simulate } from './world.js';

export interface SeedBatch {
  readonly first: number;
  readonly count: number;
  /** Without it, the seed chooses. */
  readonly scenario?: string | undefined;
  /** How many times as long as usual anything may go wrong. */
  readonly longer?: number | undefined;
  /** The first seed that fails is the last of the batch. */
  readonly stop: boolean;
}

export interface Failure {
  readonly seed: number;
  readonly scenario: string;
  readonly trace: string;
  readonly violations: readonly string[];
}

export interface SeedOutcome {
  readonly first: number;
  readonly failures: readonly Failure[];
  readonly sums: SumsOf;
}

export async function runSeeds({ first, count, scenario: named, longer, stop }: SeedBatch): Promise<SeedOutcome> {
  const scenarios = scenariosOf(named, longer);
  const failures: Failure[] = [];
  const sums = new Sums();
  for (let seed = first; seed < first + count && !(stop && failures.length > 0); seed++) {
    const scenario = scenarios[seed % scenarios.length]!;
    const report = await simulate(seed, scenario);
    sums.add(report);
    const { violations, trace } = report;
    if (violations.length > 0) failures.push({ seed, scenario: scenario.name, trace, violations });
  }
  return { first, failures, sums: sums.plain };
}

parentPort?.on('message', (batch: SeedBatch) => {
  void runSeeds(batch).then((outcome) => parentPort!.postMessage(outcome));
});
