/** Fuzzes in a thread of its own whose memory is bounded: an input that makes a decoder grow without end ends the thread. */
// threads have no origin
/* oxlint-disable unicorn/require-post-message-target-origin */
import { parentPort, workerData } from 'node:worker_threads';
import { fuzz } from './fuzz.js';
import type { Harvest } from './harvest.js';
import { sealedTargetsOf } from './sealed-targets.js';
import { targetsOf } from './targets.js';

export interface Portion {
  readonly target: string;
  readonly seed: number;
  readonly runs: number;
}

if (parentPort !== null) {
  const harvest = workerData as Harvest;
  const targets = [...targetsOf(harvest), ...sealedTargetsOf(harvest)];
  parentPort.on('message', ({ target, seed, runs }: Portion) => {
    const chosen = targets.find(({ name }) => name === target)!;
    parentPort?.postMessage(fuzz(chosen, seed, runs, () => performance.now()));
  });
}
