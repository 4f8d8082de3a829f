/**
 * Runs any number of seeds of the simulated world on several threads.
 *
 * Invariant: seeds are given out in order, so that every seed below `next` is done: whoever stops goes on there.
 */
// threads have no origin
/* oxlint-disable unicorn/require-post-message-target-origin */
import { Worker } from 'node:worker_threads';
import type { Failure, SeedBatch, SeedOutcome } from './seeds-worker.js';
import { Sums } from './sums.js';

const BATCH_SEEDS = 8;
/** A world makes much that soon is garbage. */
const YOUNG_MB = 64;

export interface SeedPoolOptions {
  readonly first: number;
  /** At most so many. */
  readonly seeds: number;
  readonly workers: number;
  readonly scenario?: string | undefined;
  /** How many times as long as usual anything may go wrong in each. */
  readonly longer?: number | undefined;
  /** Nothing more is given out once a seed has failed. */
  readonly stop: boolean;
  /** Nothing more is given out once it says so. */
  readonly over?: (() => boolean) | undefined;
  readonly onFailure?: ((failure: Failure) => void) | undefined;
  /** Some seeds are done. */
  readonly onProgress?: (() => void) | undefined;
}

export class SeedPool {
  readonly sums = new Sums();
  readonly failures: Failure[] = [];
  readonly #options: SeedPoolOptions;
  readonly #running = new Set<number>();
  #given: number;

  constructor(options: SeedPoolOptions) {
    this.#options = options;
    this.#given = options.first;
  }

  /** Where to go on. */
  get next(): number {
    return Math.min(this.#given, ...this.#running);
  }

  async run(): Promise<void> {
    const { workers, seeds } = this.#options;
    const threads = Math.min(workers, Math.ceil(seeds / BATCH_SEEDS));
    await Promise.all(Array.from({ length: threads }, () => this.#work()));
  }

  #batch(): SeedBatch | undefined {
    const { first, seeds, scenario, longer, stop, over } = this.#options;
    const count = Math.min(BATCH_SEEDS, first + seeds - this.#given);
    if (count <= 0 || (stop && this.failures.length > 0) || over?.() === true) return undefined;
    const batch = { first: this.#given, count, scenario, longer, stop };
    this.#given += count;
    this.#running.add(batch.first);
    return batch;
  }

  #work(): Promise<void> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./seeds-worker.js', import.meta.url), {
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      });
      const give = (): void => {
        const batch = this.#batch();
        if (batch !== undefined) worker.postMessage(batch);
        else resolve(worker.terminate().then(() => undefined));
      };
      worker.on('message', (outcome: SeedOutcome) => {
        this.#take(outcome);
        give();
      });
      worker.on('error', reject);
      give();
    });
  }

  #take({ first, failures, sums }: SeedOutcome): void {
    this.#running.delete(first);
    this.sums.take(sums);
    for (const failure of failures) {
      this.failures.push(failure);
      this.#options.onFailure?.(failure);
    }
    this.#options.onProgress?.();
  }
}
