/**
 * Who is here, as far as this process has heard.
 *
 * Invariant: membership is a hint for placement and routing; it decides nothing. A process that says that it leaves is gone at
 * once; one that falls silent is gone after `absentMs`; a new incarnation of a name ends the old one.
 */
import type { Epoch, NodeId, Partition } from '../shared/ids.js';
import { nameOf } from './placement.js';
import type { Timing } from './timing.js';

/** What a process tells all others, every `heartbeatMs` and whenever it changes. */
export interface Heartbeat {
  readonly node: NodeId;
  /** `client`: it holds nothing, it only opens sessions. */
  readonly role: 'node' | 'client';
  readonly leaving: boolean;
  /** Rises with every heartbeat of this incarnation: a late one is no news. */
  readonly count: number;
  readonly leads: readonly { readonly partition: Partition; readonly epoch: Epoch }[];
}

interface Member {
  readonly heartbeat: Heartbeat;
  readonly heardMs: number;
}

export class Membership {
  readonly #timing: Timing;
  readonly #members = new Map<NodeId, Member>();
  /** Incarnations that left or were replaced; a late heartbeat does not bring them back. */
  readonly #gone = new Set<NodeId>();
  /** The newest term of each partition that anybody told of. */
  readonly #leaders = new Map<Partition, { readonly node: NodeId; readonly epoch: Epoch }>();

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** Takes a heartbeat; true where it told of somebody who was not known. */
  heard(nowMs: number, heartbeat: Heartbeat): boolean {
    const { node } = heartbeat;
    if (this.#gone.has(node)) return false;
    const known = this.#members.get(node);
    if (known !== undefined && known.heartbeat.count >= heartbeat.count) return false;
    if (heartbeat.leaving) {
      this.#forget(node);
      return false;
    }
    for (const other of this.#members.keys()) if (other !== node && nameOf(other) === nameOf(node)) this.#forget(other);
    this.#members.set(node, { heartbeat, heardMs: nowMs });
    for (const { partition, epoch } of heartbeat.leads) {
      if (epoch > (this.#leaders.get(partition)?.epoch ?? -1)) this.#leaders.set(partition, { node, epoch });
    }
    return known === undefined;
  }

  tick(nowMs: number): void {
    for (const [node, { heardMs }] of this.#members) if (nowMs - heardMs > this.#timing.absentMs) this.#members.delete(node);
  }

  /** Nodes (not clients) heard of lately, in the order of their ids. */
  get nodes(): NodeId[] {
    const nodes = [];
    for (const [node, { heartbeat }] of this.#members) if (heartbeat.role === 'node') nodes.push(node);
    return nodes.toSorted();
  }

  /** Everybody heard of lately, in the order of their ids, and how many milliseconds ago. */
  members(nowMs: number): { readonly node: NodeId; readonly role: 'node' | 'client'; readonly heardMs: number }[] {
    return [...this.#members]
      .map(([node, { heartbeat, heardMs }]) => ({
        node,
        role: heartbeat.role,
        heardMs: Math.max(0, Math.round(nowMs - heardMs)),
      }))
      .toSorted((a, b) => (a.node < b.node ? -1 : 1));
  }

  has(node: NodeId): boolean {
    return this.#members.has(node);
  }

  /** Who leads a partition, as far as anybody told. */
  leaderOf(partition: Partition): NodeId | undefined {
    return this.#leaders.get(partition)?.node;
  }

  /** A node's own log told it who leads. */
  learned(partition: Partition, node: NodeId, epoch: Epoch): void {
    if (epoch > (this.#leaders.get(partition)?.epoch ?? -1)) this.#leaders.set(partition, { node, epoch });
  }

  #forget(node: NodeId): void {
    this.#members.delete(node);
    this.#gone.add(node);
    if (this.#gone.size > 1_000) this.#gone.delete(this.#gone.values().next().value!);
  }
}
