/**
 * An opened session: the user's instance, the benchmark beside it, and the commits under way.
 *
 * Invariant: the graph equals the acknowledged state at `base` plus the deltas in `pending`, in order; the instance may be ahead
 * of it by what the user has changed since. Whatever breaks this makes the copy stale, and only `refresh` mends it.
 */
import type { Graph } from '../diff/graph.js';
import { createdCount, shiftDelta, slotsInCommon, touchedSlots } from '../diff/delta.js';
import type { SessionModel } from '../model/session-model.js';
import { TwinstateError } from '../shared/errors.js';
import type { Sequence, SessionId, Version } from '../shared/ids.js';
import type { VersionedDelta } from '../node/cluster-node.js';

/** A delta that is not acknowledged yet. */
export interface PendingDelta {
  /** Rebased where others committed before it. */
  delta: Uint8Array;
  /** It was rebased: the primary checks that what it refers to is still there. */
  rebased: boolean;
  /** Slots that somebody else changed before it, as far as is known here. */
  conflict: readonly string[] | undefined;
}

export class WorkingCopy {
  readonly model: SessionModel;
  readonly id: SessionId;
  readonly graph: Graph;
  incarnation: Sequence;
  base: Version;
  /** Why it must be refreshed. */
  stale: TwinstateError | undefined;
  readonly pending: PendingDelta[] = [];
  /** The next node id in the state at `base`: nodes behind it are this copy's own. */
  #baseNextId: number;
  /** Slots that were changed here, uncommitted, while somebody else's change of them came in. */
  #clashes: string[] = [];

  constructor(model: SessionModel, id: SessionId, graph: Graph, base: Version, incarnation: Sequence) {
    this.model = model;
    this.id = id;
    this.graph = graph;
    this.base = base;
    this.incarnation = incarnation;
    this.#baseNextId = graph.nextId;
  }

  /** Compares the instance with the benchmark, which then equals it. `undefined`: nothing changed. */
  diff(): PendingDelta | undefined {
    const delta = this.graph.diff();
    if (delta === null) return undefined;
    const pending: PendingDelta = { delta, rebased: false, conflict: this.#clashes.length > 0 ? this.#clashes : undefined };
    this.#clashes = [];
    // what is replicated now cannot be changed unseen
    if (createdCount(delta) > 0) this.graph.sealImmutables();
    this.pending.push(pending);
    return pending;
  }

  /**
   * The first pending delta is stored as `version`. What others committed between the base and it is taken into the benchmark
   * and, where the user has not changed the same slot meanwhile, into the instance.
   */
  acknowledged(version: Version, others: readonly VersionedDelta[], merged: boolean): void {
    this.pending.shift();
    if (!merged) {
      this.#baseNextId = this.graph.nextId - this.#createdInPending();
      this.base = version;
      return;
    }
    if (others.length !== version - this.base - 1) return this.#behind('what others committed before it is not known here');
    try {
      this.#takeIn(others);
    } catch (cause) {
      // they changed an object that was taken out here: with the newest state at hand that is no question any more
      return this.#behind('what others committed before it does not fit into this instance', cause);
    }
    this.base = version;
  }

  /** The commit succeeded; only this copy cannot follow. */
  #behind(why: string, cause?: unknown): void {
    this.stale = new TwinstateError('STALE_INSTANCE', `the commit was stored, but ${why}`, {
      cure: 'refresh the instance',
      cause,
    });
  }

  #takeIn(others: readonly VersionedDelta[]): void {
    let shift = 0;
    for (const { delta } of others) shift += createdCount(delta);
    if (shift > 0) {
      this.graph.shiftIds(this.#baseNextId, shift);
      for (const each of this.pending) each.delta = shiftDelta(each.delta, this.#baseNextId, shift);
    }
    let firstId = this.#baseNextId;
    for (const { delta } of others) {
      const touched = touchedSlots(delta);
      for (const each of this.pending) {
        const both = slotsInCommon(touchedSlots(each.delta), touched);
        if (both.length > 0) each.conflict = [...(each.conflict ?? []), ...both];
        each.rebased = true;
      }
      for (const { id, slot } of this.graph.apply(delta, firstId))
        this.#clashes.push(`${this.graph.pathOf(id) ?? `#${id}`}${slot}`);
      firstId += createdCount(delta);
    }
    this.#baseNextId = this.graph.nextId - this.#createdInPending();
  }

  /** Brings instance and benchmark to an acknowledged state, in place; what was changed and not committed is gone. */
  reset(state: { readonly snapshot: Uint8Array } | { readonly deltas: readonly VersionedDelta[] }, version: Version): void {
    if ('snapshot' in state) this.graph.sync(state.snapshot);
    else {
      this.graph.sync(this.graph.encode());
      for (const { delta } of state.deltas) this.graph.apply(delta);
    }
    this.base = version;
    this.stale = undefined;
    this.#clashes = [];
    this.pending.length = 0;
    this.#baseNextId = this.graph.nextId;
  }

  #createdInPending(): number {
    let count = 0;
    for (const { delta } of this.pending) count += createdCount(delta);
    return count;
  }
}
