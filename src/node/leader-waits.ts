/** Those who wait for one primary and must hear when another one is known: what is asked of the dead hangs until its time is up. */
import type { NodeId, Partition } from '../shared/ids.js';

interface Waiting {
  readonly partition: Partition;
  /** The primary that is waited for. */
  readonly than: NodeId;
  /** Who was believed to lead when the wait began: only news wakes. */
  readonly before: NodeId | undefined;
  readonly wake: () => void;
}

export interface LeaderWait {
  readonly known: Promise<void>;
  readonly cancel: () => void;
}

export class LeaderWaits {
  readonly #leaderOf: (partition: Partition) => NodeId | undefined;
  readonly #waiting = new Set<Waiting>();

  constructor(leaderOf: (partition: Partition) => NodeId | undefined) {
    this.#leaderOf = leaderOf;
  }

  otherThan(than: NodeId, partition: Partition): LeaderWait {
    let wake!: () => void;
    const known = new Promise<void>((resolve) => (wake = resolve));
    const waiting = { partition, than, before: this.#leaderOf(partition), wake };
    this.#waiting.add(waiting);
    return { known, cancel: () => this.#waiting.delete(waiting) };
  }

  /** Somebody may have told of a new primary. */
  check(): void {
    for (const { partition, than, before, wake } of this.#waiting) {
      const leader = this.#leaderOf(partition);
      if (leader !== undefined && leader !== than && leader !== before) wake();
    }
  }
}
