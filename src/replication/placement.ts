/**
 * Who should hold a partition: rendezvous hashing (Thaler and Ravishankar, 1998), so that a node that comes or goes moves only its
 * own share, and everybody computes the same order from the same members.
 */
import { hash32 } from '../shared/bytes.js';
import type { NodeId, Partition, SessionId } from '../shared/ids.js';

/** The partition of a session: the same everywhere and for ever, as the number of partitions is fixed. */
export function partitionOf(id: SessionId, partitions: number): Partition {
  return (hash32(id) % partitions) as Partition;
}

/** A node's name: its id without the incarnation, so that a restarted node finds its place again. */
export function nameOf(node: NodeId): string {
  const at = node.lastIndexOf('~');
  return at < 0 ? node : node.slice(0, at);
}

/** All nodes, the one that should be primary first, then the backups in the order in which they take over. */
export function placementOrder(partition: Partition, nodes: readonly NodeId[]): NodeId[] {
  return nodes
    .map((node) => ({ node, weight: hash32(`${partition}/${nameOf(node)}`) }))
    .toSorted((a, b) => b.weight - a.weight || (a.node < b.node ? -1 : a.node > b.node ? 1 : 0))
    .map(({ node }) => node);
}

/** The placement orders over one list of nodes, each made when it is asked for, all made anew for another list. */
export class PlacementOrders {
  #nodes: readonly NodeId[] = [];
  readonly #orders = new Map<Partition, readonly NodeId[]>();

  of(partition: Partition, nodes: readonly NodeId[]): readonly NodeId[] {
    if (nodes !== this.#nodes) {
      this.#nodes = nodes;
      this.#orders.clear();
    }
    let order = this.#orders.get(partition);
    if (order === undefined) this.#orders.set(partition, (order = placementOrder(partition, nodes)));
    return order;
  }
}
