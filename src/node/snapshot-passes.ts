/**
 * Reads stored snapshots for the replicas of this process that load: many of them together in one pass over all, few one by one.
 *
 * Invariant: at most one pass is under way over each generation's snapshots, and no more than `LISTINGS_AT_ONCE` listings;
 * whoever comes later waits for the next, and is given nothing that was read before it came. No more than `GIVEN_AT_ONCE`
 * snapshots are given without a pause in which the process does other work. A pass begins when nobody has come for `GATHER_MS`:
 * the replicas of a process that starts come one after the other, and are best read together.
 */
import type { SnapshotEntry, Snapshots } from '../engine/port.js';
import type { Clock } from '../shared/clock.js';
import type { Partition, Revision } from '../shared/ids.js';
import { Turnstile } from './turnstile.js';

const LISTINGS_AT_ONCE = 2;
const GIVEN_AT_ONCE = 256;
const GATHER_MS = 100;
/** Whoever comes all the time does not keep the others waiting for longer. */
const GATHER_MS_MAX = 1_000;
/** A pass over everything pays where it serves this part of all partitions, and more than one. */
const PASS_SHARE = 1 / 16;

/** One replica's wish. */
export interface SnapshotWish {
  readonly partition: Partition;
  /** Still wanted. */
  readonly live: () => boolean;
  /** Takes some. */
  readonly take: (entries: readonly SnapshotEntry[]) => void;
}

interface Waiting extends SnapshotWish {
  readonly done: (highest: Revision | undefined) => void;
  readonly failed: (error: unknown) => void;
}

export class SnapshotPasses {
  readonly #clock: Clock;
  readonly #partitions: number;
  /** By what they want to read: another generation has snapshots of its own. */
  readonly #waiting = new Map<Snapshots, Waiting[]>();
  readonly #underWay = new Set<Snapshots>();
  readonly #listings = new Turnstile(LISTINGS_AT_ONCE);
  /** Since the last pause. */
  #given = 0;

  constructor(clock: Clock, partitions: number) {
    this.#clock = clock;
    this.#partitions = partitions;
  }

  /**
   * Hands over every stored snapshot of a partition. Resolves to the revision that this is complete up to, or to `undefined`: ask again.
   * Rejects with what ends the connection.
   */
  read(snapshots: Snapshots, wish: SnapshotWish): Promise<Revision | undefined> {
    return new Promise((done, failed) => {
      const waiting = this.#waiting.get(snapshots);
      if (waiting === undefined) this.#waiting.set(snapshots, [{ ...wish, done, failed }]);
      else waiting.push({ ...wish, done, failed });
      if (!this.#underWay.has(snapshots)) void this.#serve(snapshots);
    });
  }

  async #serve(snapshots: Snapshots): Promise<void> {
    this.#underWay.add(snapshots);
    while (this.#waiting.has(snapshots)) {
      await this.#gathered(snapshots);
      const all = this.#waiting.get(snapshots)!;
      this.#waiting.delete(snapshots);
      const live = all.filter((each) => each.live());
      for (const each of all) if (!live.includes(each)) each.done(undefined);
      const together = live.length > 1 && live.length >= this.#partitions * PASS_SHARE;
      if (together && snapshots.scan !== undefined) await this.#scan(snapshots, live);
      else await this.#list(snapshots, live);
    }
    this.#underWay.delete(snapshots);
  }

  async #gathered(snapshots: Snapshots): Promise<void> {
    const untilMs = this.#clock.now() + GATHER_MS_MAX;
    for (let before = 0; this.#clock.now() < untilMs;) {
      const count = this.#waiting.get(snapshots)!.length;
      if (count === before) return;
      before = count;
      await this.#pause(GATHER_MS);
    }
  }

  async #scan(snapshots: Snapshots, wishes: readonly Waiting[]): Promise<void> {
    const byPartition = new Map(wishes.map((wish) => [wish.partition, wish]));
    try {
      const highest = await snapshots.scan!(new Set(byPartition.keys()), async (partition, entries) => {
        const wish = byPartition.get(partition)!;
        await this.#give(wish, entries);
        return wishes.some((each) => each.live());
      });
      for (const { done } of wishes) done(highest);
    } catch (error) {
      for (const { failed } of wishes) failed(error);
    }
  }

  async #list(snapshots: Snapshots, wishes: readonly Waiting[]): Promise<void> {
    await Promise.all(wishes.map((wish) => this.#listings.pass(() => this.#listOne(snapshots, wish))));
  }

  async #listOne(snapshots: Snapshots, wish: Waiting): Promise<void> {
    try {
      const listing = wish.live() ? await snapshots.list(wish.partition) : undefined;
      if (listing !== undefined) await this.#give(wish, listing.entries);
      wish.done(listing?.highest);
    } catch (error) {
      wish.failed(error);
    }
  }

  async #give(wish: SnapshotWish, entries: readonly SnapshotEntry[]): Promise<void> {
    for (let first = 0; first < entries.length && wish.live();) {
      const some = entries.slice(first, first + GIVEN_AT_ONCE - this.#given);
      first += some.length;
      wish.take(some);
      this.#given += some.length;
      if (this.#given < GIVEN_AT_ONCE) continue;
      this.#given = 0;
      await this.#pause(0);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.after(ms, resolve));
  }
}
