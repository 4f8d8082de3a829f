/**
 * Brings replicas and leads to where placement wants them, a few at a time.
 *
 * Invariant: a node moves at most `movesMax` leads at once, and none within `calmMs` of a node's coming or going; only who drains
 * does not wait. A replica is read where it is missing at once, and given up only when its primary says that it is one too many
 * and this node's own view agrees.
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

export interface RebalancerParts<B> {
  readonly self: NodeId;
  readonly partitions: number;
  readonly backups: number;
  readonly timing: Timing;
  readonly runtime: Runtime;
  readonly membership: Membership;
  readonly replicas: Replicas<B>;
  tell(to: NodeId, message: Message): void;
}

export class Rebalancer<B> {
  readonly #parts: RebalancerParts<B>;
  readonly #orders = new PlacementOrders();
  #placedFor: readonly NodeId[] | undefined;
  /** A handover that came to nothing is not tried again before then. */
  readonly #notBeforeMs = new Map<Partition, number>();

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
    if (membership.places === this.#placedFor) return;
    this.#placedFor = membership.places;
    const wanted = Array.from({ length: partitions }, (_, i) => toPartition(i));
    replicas.want(wanted.filter((partition) => holdersOf(this.order(partition), backups).includes(self)));
  }

  /** Hands over what others should lead, and tells followers that are too many. */
  move(): void {
    const { membership, replicas, timing, runtime, self } = this.#parts;
    const nowMs = runtime.clock.now();
    const calm = membership.calmForMs(nowMs) >= timing.calmMs;
    const drains = membership.isDraining(self);
    const led = [...replicas].filter((driver) => driver.leads);
    let free = (drains ? DRAINS_MAX : timing.movesMax) - led.filter(({ machine }) => isMoving(machine)).length;
    // not always the same ones first, should some of them fail again and again
    const first = Math.floor(runtime.random() * led.length);
    for (const driver of [...led.slice(first), ...led.slice(0, first)]) {
      if (!isMoving(driver.machine)) {
        if (free > 0 && (calm || drains) && this.#handOver(driver, nowMs)) free--;
        else this.#releaseSurplus(driver, calm);
      }
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
    if (nowMs < (this.#notBeforeMs.get(partition) ?? 0)) return false;
    const to = successorOf({ order: this.order(partition), self, warm: driver.warm });
    if (to === undefined) return false;
    this.#notBeforeMs.set(partition, nowMs + timing.handoverMs * (2 + runtime.random() * 2));
    driver.handOver(to);
    return true;
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

function isMoving({ succession }: { readonly succession: { readonly handingOverTo: NodeId | undefined } }): boolean {
  return succession.handingOverTo !== undefined;
}
