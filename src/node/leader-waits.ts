/** Those who wait for one primary and must hear when another one is known: what is asked of the dead hangs until its time is up. */
import type { NodeId, Partition } from '../shared/ids.js';

interface Waiting {
  readonly partition: Partition;
  /** The primary that is waited for; `undefined`: any news will do. */
  readonly than: NodeId | undefined;
  /** Who was believed to lead before: only news wakes. */
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
    return this.#begin(partition, than, this.#leaderOf(partition));
  }

  /** @param before who was believed to lead when the asker began: what became known meanwhile is news, too */
  news(partition: Partition, before: NodeId | undefined): LeaderWait {
    return this.#begin(partition, undefined, before);
  }

  /** Somebody may have told of a new primary. */
  check(): void {
    for (const waiting of this.#waiting) this.#look(waiting);
  }

  #begin(partition: Partition, than: NodeId | undefined, before: NodeId | undefined): LeaderWait {
    let wake!: () => void;
    const known = new Promise<void>((resolve) => (wake = resolve));
    const waiting = { partition, than, before, wake };
    this.#waiting.add(waiting);
    this.#look(waiting);
    return { known, cancel: () => this.#waiting.delete(waiting) };
  }

  #look({ partition, than, before, wake }: Waiting): void {
    const leader = this.#leaderOf(partition);
    if (leader !== undefined && leader !== than && leader !== before) wake();
  }
}
