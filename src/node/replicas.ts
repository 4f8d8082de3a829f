/**
 * The replicas that this process holds.
 *
 * Invariant: at most `JOINS_MAX` of them are being read at once, so that a node that starts, or that takes the place of a dead one,
 * does not ask the engine for everything together. What waits for its turn is not held yet.
 */
import type { Partition } from '../shared/ids.js';
import type { PartitionDriver } from './partition-driver.js';

const JOINS_MAX = 8;

export class Replicas<B> {
  readonly #make: (partition: Partition) => PartitionDriver<B>;
  readonly #drivers = new Map<Partition, PartitionDriver<B>>();
  readonly #joining = new Map<Partition, Promise<void>>();
  #wanted: Partition[] = [];
  #stopped = false;

  constructor(make: (partition: Partition) => PartitionDriver<B>) {
    this.#make = make;
  }

  get(partition: Partition): PartitionDriver<B> | undefined {
    return this.#drivers.get(partition);
  }

  get size(): number {
    return this.#drivers.size;
  }

  has(partition: Partition): boolean {
    return this.#drivers.has(partition);
  }

  [Symbol.iterator](): IterableIterator<PartitionDriver<B>> {
    return this.#drivers.values();
  }

  /** Holds these from now on, beside what is held already; replaces what was wanted before and waits still. */
  want(partitions: readonly Partition[]): void {
    this.#wanted = partitions.filter((partition) => !this.#drivers.has(partition));
    this.#fill();
  }

  /** Resolves once everything that is wanted has caught up. */
  async caughtUp(): Promise<void> {
    while (this.#joining.size > 0) await Promise.race(this.#joining.values());
  }

  /** Gives a replica up. */
  release(partition: Partition): void {
    const driver = this.#drivers.get(partition);
    this.#drivers.delete(partition);
    driver?.stop();
  }

  /** Gives whoever waits for a replica a true answer. */
  stop(): void {
    this.#stopped = true;
    this.#wanted = [];
    for (const driver of this.#drivers.values()) driver.stop();
  }

  #fill(): void {
    while (!this.#stopped && this.#joining.size < JOINS_MAX) {
      const partition = this.#wanted.shift();
      if (partition === undefined) return;
      const driver = this.#make(partition);
      this.#drivers.set(partition, driver);
      const joined = driver.caughtUp().then(() => {
        this.#joining.delete(partition);
        this.#fill();
      });
      this.#joining.set(partition, joined);
    }
  }
}
