/**
 * What placement asks of a primary: to whom it should hand its partition, and whose replica is one too many.
 *
 * Invariant: a lead moves only to a replica that is warm, and only towards the front of the placement order, which every node
 * computes alike: no two nodes hand a partition to and fro. A replica is given up only while all that should exist are warm.
 */
import type { NodeId } from '../shared/ids.js';

export interface Standing {
  /** The nodes that stay, in the placement order of the partition. */
  readonly order: readonly NodeId[];
  /** The primary. */
  readonly self: NodeId;
  /** Followers that have caught up and were heard of lately. */
  readonly warm: readonly NodeId[];
}

/** Who should lead instead, and can. A primary that stays waits for the one that should; one that leaves takes the best there is. */
export function successorOf({ order, self, warm }: Standing): NodeId | undefined {
  if (order.includes(self)) return order[0] !== self && warm.includes(order[0]!) ? order[0] : undefined;
  return order.find((node) => warm.includes(node));
}

/** Followers that should not hold a replica, once all those do that should. */
export function surplusOf({ order, self, warm }: Standing, backups: number): readonly NodeId[] {
  const proper = holdersOf(order, backups);
  if (!proper.includes(self) || !proper.every((node) => node === self || warm.includes(node))) return [];
  return warm.filter((node) => !proper.includes(node));
}

/** Who should hold a replica: the primary and its backups, or as many nodes as there are. */
export function holdersOf(order: readonly NodeId[], backups: number): readonly NodeId[] {
  return order.slice(0, backups + 1);
}
