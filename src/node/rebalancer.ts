/**
 * Brings replicas and leads to where placement wants them, a few at a time.
 *
 * Invariant: a node moves at most `movesMax` leads at once, and none within `calmMs` of a node's coming or going; only who drains
 * does not wait. A replica is read where it is missing at once, or as soon as those who drain have handed over what they lead; it is
 * given up only when its primary says that it is one too many and this node's own view agrees.
 */
import type { Membership } from '../replication/membership.js';
import { holdersOf, successorOf, surplusOf } from '../replication/moves.js';
import { PlacementOrders } from '../replication/placement.js';
import type { Timing } from '../replication/timing.js';
import { partition as toPartition } from '../shared/ids.js';
import type { NodeId, Partition } from '../shared/ids.js';
import type { Message, Term } from './message.js';
import type { PartitionDriver } from './partition-driver.js';
import type { Replicas } from './replicas.js';
import type { Runtime } from './runtime.js';

/** Leads that a draining node hands over at once: it has nothing else to do. */
const DRAINS_MAX = 16;
/**
 * The pause between tries of a handover doubles so often: with the default `handoverMs` up to 1.6 to 3.2 s. A try that fails holds
 * commits for `handoverMs` at most, and what made it fail is mostly over soon.
 */
const BACK_OFF_MAX = 3;

export interface RebalancerParts<B> {
  readonly self: NodeId;
  readonly partitions: number;
  readonly backups: number;
  readonly timing: Timing;
  readonly runtime: Runtime;
  readonly membership: Membership;
  readonly replicas: Replicas<B>;
  tell(to: NodeId, message: Message): void;
  /** Resolves to whether the node answered in time. */
  isThere(to: NodeId, timeoutMs: number): Promise<boolean>;
}

export class Rebalancer<B> {
  readonly #parts: RebalancerParts<B>;
  readonly #orders = new PlacementOrders();
  #placedFor: readonly NodeId[] | undefined;
  /** Handovers that came to nothing, and when they may be tried again. */
  readonly #failed = new Map<Partition, { readonly times: number; readonly againMs: number }>();
  /** Partitions whose successor is asked whether it is there. */
  readonly #asking = new Set<Partition>();

  constructor(parts: RebalancerParts<B>) {
    this.#parts = parts;
  }

  /** The nodes that stay, in the order in which they should hold a partition. */
  order(partition: Partition): readonly NodeId[] {
    return this.#orders.of(partition, this.#parts.membership.places);
  }

  /** This node's place among those who may claim a partition: those who leave come last. Negative: it is not known yet. */
  claimRank(partition: Partition, suspected: NodeId | undefined): number {
    const { self, membership } = this.#parts;
    const order = this.order(partition).filter((node) => node !== suspected);
    const rank = order.indexOf(self);
    return rank >= 0 || !membership.isDraining(self) ? rank : order.length;
  }

  /** Reads what this node should hold and does not; there is nothing to do while the same nodes are here. */
  place(): void {
    const { self, partitions, backups, replicas, membership } = this.#parts;
    if (membership.places === this.#placedFor || this.#leadsMoveFirst()) return;
    this.#placedFor = membership.places;
    const wanted = Array.from({ length: partitions }, (_, i) => toPartition(i));
    replicas.want(wanted.filter((partition) => holdersOf(this.order(partition), backups).includes(self)));
  }

  /**
   * A node that drains hands over to those who are warm, which takes a moment; reading replicas for those who are missing then keeps
   * the log busy, and every commit waits for that. So leads move first, and what is missing is read after, or `calmMs` later.
   */
  #leadsMoveFirst(): boolean {
    const { backups, membership, runtime, timing } = this.#parts;
    return backups > 0 && membership.leadsLeave && membership.calmForMs(runtime.clock.now()) < timing.calmMs;
  }

  /** Hands over what others should lead, and tells followers that are too many. */
  move(): void {
    const { membership, replicas, timing, runtime, self } = this.#parts;
    const nowMs = runtime.clock.now();
    const calm = membership.calmForMs(nowMs) >= timing.calmMs;
    const drains = membership.isDraining(self);
    const led = [...replicas].filter((driver) => driver.leads);
    for (const partition of this.#failed.keys()) if (replicas.get(partition)?.leads !== true) this.#failed.delete(partition);
    const moving = led.filter((driver) => this.#isMoving(driver));
    let free = (drains ? DRAINS_MAX : timing.movesMax) - moving.length;
    // not always the same ones first, should some of them fail again and again
    const first = Math.floor(runtime.random() * led.length);
    for (const driver of [...led.slice(first), ...led.slice(0, first)]) {
      if (moving.includes(driver)) continue;
      if (free > 0 && (calm || drains) && this.#handOver(driver, nowMs)) free--;
      else this.#releaseSurplus(driver, calm);
    }
  }

  /** A primary says that the replica here is one too many; true where it is given up. */
  released({ partition, epoch }: Term, from: NodeId): boolean {
    const { self, backups, membership, replicas, timing, runtime } = this.#parts;
    const driver = replicas.get(partition);
    if (driver?.machine.role !== 'following' || driver.machine.leader !== from || driver.machine.epoch !== epoch) return false;
    if (holdersOf(this.order(partition), backups).includes(self)) return false;
    if (membership.calmForMs(runtime.clock.now()) < timing.calmMs && !membership.isDraining(self)) return false;
    replicas.release(partition);
    return true;
  }

  #handOver(driver: PartitionDriver<B>, nowMs: number): boolean {
    const { self, timing, runtime } = this.#parts;
    const { partition } = driver;
    const { times, againMs } = this.#failed.get(partition) ?? { times: 0, againMs: 0 };
    if (nowMs < againMs) return false;
    const to = successorOf({ order: this.order(partition), self, warm: driver.warm });
    if (to === undefined) {
      this.#failed.delete(partition);
      return false;
    }
    // it counts as failed until it is led elsewhere, where this is forgotten
    const waitMs = timing.handoverMs * (1 + runtime.random()) * 2 ** Math.min(times + 1, BACK_OFF_MAX);
    this.#failed.set(partition, { times: times + 1, againMs: nowMs + waitMs });
    void this.#askAndHandOver(driver, to);
    return true;
  }

  /** Commits wait from the moment on at which the primary stops: so the successor is asked before whether it is there. */
  async #askAndHandOver(driver: PartitionDriver<B>, to: NodeId): Promise<void> {
    this.#asking.add(driver.partition);
    const there = await this.#parts.isThere(to, this.#parts.timing.handoverMs / 2);
    this.#asking.delete(driver.partition);
    if (there) driver.handOver(to);
  }

  #isMoving({ partition, machine }: PartitionDriver<B>): boolean {
    return this.#asking.has(partition) || machine.succession.handingOverTo !== undefined;
  }

  #releaseSurplus(driver: PartitionDriver<B>, calm: boolean): void {
    const { self, backups, membership } = this.#parts;
    const { partition, machine } = driver;
    for (const node of surplusOf({ order: this.order(partition), self, warm: driver.warm }, backups)) {
      if (calm || membership.isDraining(node))
        this.#parts.tell(node, { kind: 'release', term: { partition, epoch: machine.epoch }, from: self });
    }
  }
}
