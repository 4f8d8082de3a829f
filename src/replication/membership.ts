/**
 * Who is here, as far as this process has heard.
 *
 * Invariant: membership is a hint for placement and routing; it decides nothing. A process that says that it leaves is gone at
 * once; one that falls silent is gone after `absentMs`; a new incarnation of a name ends the old one. Whatever is heard, no more than
 * `MEMBERS_MAX` processes are remembered, and what is not true is forgotten once it is not repeated: nothing that a stranger says once
 * stays for good.
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
  /** It is about to leave: nothing is placed there any more. */
  readonly draining: boolean;
  /** Rises with every heartbeat of this incarnation: a late one is no news. */
  readonly count: number;
  readonly leads: readonly { readonly partition: Partition; readonly epoch: Epoch }[];
}

/** Newcomers beyond so many are not noticed until others have gone. */
const MEMBERS_MAX = 1_024;
const GONE_MAX = 1_000;

interface Gone {
  readonly sinceMs: number;
  /** Of the heartbeat that said that it leaves; `Infinity` for one that was replaced. */
  readonly count: number;
}

interface Member {
  readonly heartbeat: Heartbeat;
  readonly heardMs: number;
}

export class Membership {
  readonly #timing: Timing;
  /** Made anew after a change, and the same list until then. */
  #nodes: readonly NodeId[] | undefined;
  #places: readonly NodeId[] | undefined;
  #changedMs = -Infinity;
  readonly #members = new Map<NodeId, Member>();
  /** Incarnations that left or were replaced: a late heartbeat does not bring them back. */
  readonly #gone = new Map<NodeId, Gone>();
  /** The newest term of each partition that anybody told of. */
  readonly #leaders = new Map<Partition, { readonly node: NodeId; readonly epoch: Epoch }>();

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** Takes a heartbeat; true where it told of somebody who was not known. */
  heard(nowMs: number, heartbeat: Heartbeat): boolean {
    const { node } = heartbeat;
    if (this.#isGone(nowMs, heartbeat)) return false;
    const known = this.#members.get(node);
    if (known !== undefined && known.heartbeat.count >= heartbeat.count) return false;
    if (heartbeat.leaving) {
      this.#forget(nowMs, node, heartbeat.count);
      return false;
    }
    if (known === undefined) {
      const name = nameOf(node);
      for (const other of [...this.#members.keys()]) if (nameOf(other) === name) this.#forget(nowMs, other, Infinity);
      if (this.#members.size >= MEMBERS_MAX) return false;
    }
    this.#gone.delete(node);
    this.#members.set(node, { heartbeat, heardMs: nowMs });
    if (known?.heartbeat.draining !== heartbeat.draining) this.#changed(nowMs, heartbeat);
    for (const { partition, epoch } of heartbeat.leads) {
      if (epoch > (this.#leaders.get(partition)?.epoch ?? -1)) this.#leaders.set(partition, { node, epoch });
    }
    return known === undefined;
  }

  /** Forgets those who were silent for too long. */
  tick(nowMs: number): void {
    for (const [node, { heardMs, heartbeat }] of this.#members) {
      if (nowMs - heardMs <= this.#timing.absentMs) continue;
      this.#members.delete(node);
      this.#forgetLeads(node);
      this.#changed(nowMs, heartbeat);
    }
  }

  /** An outage or a pause of one's own: that nobody was heard says nothing. */
  reset(nowMs: number): void {
    for (const [node, { heartbeat }] of this.#members) this.#members.set(node, { heartbeat, heardMs: nowMs });
  }

  /** Nodes (not clients) heard of lately, in the order of their ids. */
  get nodes(): readonly NodeId[] {
    this.#nodes ??= this.#sorted(({ role }) => role === 'node');
    return this.#nodes;
  }

  /** Nodes on which partitions are placed: those that stay. */
  get places(): readonly NodeId[] {
    this.#places ??= this.#sorted(({ role, draining }) => role === 'node' && !draining);
    return this.#places;
  }

  isDraining(node: NodeId): boolean {
    return this.#members.get(node)?.heartbeat.draining === true;
  }

  /** Whether somebody who is about to leave still leads a partition, as far as anybody told. */
  get leadsLeave(): boolean {
    for (const { node } of this.#leaders.values()) if (this.isDraining(node)) return true;
    return false;
  }

  /** How long the same nodes are here and stay. */
  calmForMs(nowMs: number): number {
    return nowMs - this.#changedMs;
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

  #sorted(chosen: (heartbeat: Heartbeat) => boolean): NodeId[] {
    return [...this.#members].flatMap(([node, { heartbeat }]) => (chosen(heartbeat) ? [node] : [])).toSorted();
  }

  /** Clients may come and go as they like. */
  #changed(nowMs: number, { role }: Heartbeat): void {
    if (role === 'client') return;
    this.#nodes = undefined;
    this.#places = undefined;
    this.#changedMs = nowMs;
  }

  #forget(nowMs: number, node: NodeId, count: number): void {
    const known = this.#members.get(node);
    if (known !== undefined) this.#changed(nowMs, known.heartbeat);
    this.#members.delete(node);
    this.#forgetLeads(node);
    this.#gone.delete(node);
    this.#gone.set(node, { sinceMs: nowMs, count });
    if (this.#gone.size > GONE_MAX) this.#gone.delete(this.#gone.keys().next().value!);
  }

  /** Who goes on saying that it is here has not left; one that was replaced comes back only where its successor is not there any more. */
  #isGone(nowMs: number, { node, leaving, count }: Heartbeat): boolean {
    const gone = this.#gone.get(node);
    if (gone === undefined || (!leaving && count > gone.count)) return false;
    if (leaving || nowMs - gone.sinceMs <= this.#timing.absentMs * 2) return true;
    return [...this.#members.keys()].some((other) => nameOf(other) === nameOf(node));
  }

  /** A term that nobody is there for says nothing, however high it is. */
  #forgetLeads(node: NodeId): void {
    for (const [partition, leader] of this.#leaders) if (leader.node === node) this.#leaders.delete(partition);
  }
}
