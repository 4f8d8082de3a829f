/** Tries batches of random graphs in a thread of its own, as long as it is given seeds, and tells of each. */
// threads have no origin
/* oxlint-disable unicorn/require-post-message-target-origin */
import { parentPort } from 'node:worker_threads';
import { tryGraphs } from '../random-graphs.js';

export interface Batch {
  readonly seed: number;
  readonly count: number;
}

export interface Outcome extends Batch {
  /** The smallest counterexample, where there is one. */
  readonly failure?: string;
}

parentPort?.on('message', ({ seed, count }: Batch) => {
  let failure: string | undefined;
  try {
    tryGraphs(count, seed);
  } catch (error) {
    failure = String(error);
  }
  parentPort?.postMessage({ seed, count, ...(failure === undefined ? {} : { failure }) } satisfies Outcome);
});
