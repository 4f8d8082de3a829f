/**
 * An opened session: the user's instance, the benchmark beside it, and the commits under way.
 *
 * Invariant: the graph equals the acknowledged state at `base` plus the deltas in `pending`, in order; the instance may be ahead
 * of it by what the user has changed since. Whatever breaks this makes the copy stale, and only `refresh` mends it. A class with
 * merge rules costs a copy of its acknowledged state as bytes, because a rule wants to know what both sides came from.
 */
import type { Graph } from '../diff/graph.js';
import { createdCount, shiftDelta, touchedSlots } from '../diff/delta.js';
import { changedImmutable } from '../diff/immutable-audit.js';
import { slotPaths } from '../diff/slot-path.js';
import { slotsInCommon, type Slot } from '../diff/slot.js';
import type { SessionModel } from '../model/session-model.js';
import { EMPTY_BYTES } from '../shared/bytes.js';
import { TwinstateError } from '../shared/errors.js';
import type { Sequence, SessionId, Version } from '../shared/ids.js';
import type { VersionedDelta } from '../node/cluster-node.js';
import { AtRest } from '../session/at-rest.js';
import { Rebase } from './rebase.js';

/** Above all ids that there ever are in a session. */
const OWN_IDS_FROM = 2 ** 40;

/** A delta that is not acknowledged yet. */
export interface PendingDelta {
  /** Rebased where others committed before it. */
  delta: Uint8Array;
  /** It was rebased: the primary checks that what it refers to is still there. */
  rebased: boolean;
  /** What somebody else changed before it, as far as is known here. */
  conflict: { readonly slots: readonly string[]; readonly why: string } | undefined;
}

/** What became of a commit. */
export interface Acknowledgement {
  readonly version: Version;
  /** What others committed between its base and it. */
  readonly others: readonly VersionedDelta[];
  readonly merged: boolean;
  /** The delta as it was stored, where a merge rule made another of it. */
  readonly rewritten: Uint8Array | undefined;
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
  /** The acknowledged state at `base`, where the class has merge rules. */
  #origin: AtRest | undefined;
  /** What conflicts here, so that the graph could not follow; nothing can be committed before a refresh. */
  #lost: { readonly slots: readonly string[]; readonly why: string } | undefined;

  /** @param snapshot of the graph as it is */
  constructor(model: SessionModel, id: SessionId, graph: Graph, base: Version, incarnation: Sequence, snapshot?: Uint8Array) {
    this.model = model;
    this.id = id;
    this.graph = graph;
    this.base = base;
    this.incarnation = incarnation;
    this.#baseNextId = graph.nextId;
    if (hasRules(model)) this.#origin = AtRest.trusted(snapshot ?? graph.encode(), base);
  }

  /**
   * Compares the instance with the benchmark, which then equals it. `undefined`: nothing changed.
   *
   * @param audit look into immutable attributes too
   * @throws {TwinstateError} as `Graph.diff`; `IMMUTABLE_CHANGED` by an audit, and then the copy is stale if anything else changed
   */
  diff(audit = false): PendingDelta | undefined {
    const { nextId } = this.graph;
    const delta = this.graph.diff() ?? (this.#lost === undefined ? undefined : EMPTY_BYTES);
    if (audit) this.#audit(delta !== undefined);
    if (delta === undefined) return undefined;
    const clash = this.#clashes.length > 0 ? { slots: this.#clashes, why: '' } : undefined;
    const pending: PendingDelta = { delta, rebased: false, conflict: this.#lost ?? clash };
    this.#clashes = [];
    // what is replicated now cannot be changed unseen
    if (this.graph.nextId > nextId) this.graph.sealImmutables();
    this.pending.push(pending);
    return pending;
  }

  /**
   * The first pending delta is stored as `version`. What others committed between the base and it is taken into the benchmark
   * and, where the user has not changed the same slot meanwhile, into the instance.
   */
  acknowledged({ version, others, merged, rewritten }: Acknowledgement): void {
    const sent = this.pending.shift()!;
    if (!merged) {
      this.#origin?.append(sent.delta, version);
      this.#countIds();
      this.base = version;
      return;
    }
    if (others.length !== version - this.base - 1) return this.#behind('what others committed before it is not known here');
    try {
      if (this.#origin === undefined) this.#takeIn(others);
      else this.#rebase(this.#origin, version, others, sent.delta, rewritten ?? sent.delta);
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

  #audit(advanced: boolean): void {
    const path = changedImmutable(this.graph);
    if (path === undefined) return;
    const error = new TwinstateError(
      'IMMUTABLE_CHANGED',
      `an immutable attribute of ${this.model.name} holds something else now`,
      {
        path,
        expected: 'what it held when it was replicated',
        cure: 'mark it @Mutable(), or do not change what it holds; `refresh` brings it back',
      },
    );
    if (advanced) this.stale = error;
    throw error;
  }

  /** Takes in what was stored, and merges with it what is under way here and what the user has changed since. */
  #rebase(origin: AtRest, version: Version, others: readonly VersionedDelta[], sent: Uint8Array, stored: Uint8Array): void {
    const { base } = this;
    const models = new Map([[this.model.name, this.model]]);
    const since = others.map(({ delta }) => delta);
    const rebase = new Rebase(models, origin, base, since, sent, stored);
    // changed since, but not committed: merged like all else, and left for the next commit to find
    const open = this.#lost === undefined ? this.graph.diff() : null;
    for (const each of this.pending) {
      if (this.#lost !== undefined) break;
      const merged = rebase.next(each.delta);
      if (merged.merged) {
        each.delta = merged.delta;
        each.rebased = true;
      } else this.#lost = each.conflict = merged;
    }
    const benchmark = rebase.snapshot();
    if (this.#lost === undefined && open !== null) {
      const merged = rebase.next(open);
      if (!merged.merged) this.#lost = merged;
    }
    if (this.#lost === undefined) {
      for (const { from, by } of rebase.shifts) this.graph.shiftIds(from, by);
      this.graph.sync(open === null ? benchmark : rebase.snapshot(), benchmark);
      this.#countIds();
    }
    for (const each of others) origin.append(each.delta, each.version);
    origin.append(stored, version);
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
        const own = touchedSlots(each.delta);
        const both = slotsInCommon(own, touched);
        if (both.length > 0)
          each.conflict = {
            slots: [...(each.conflict?.slots ?? []), ...slotPaths(this.graph, slotsOf(both, touched, own), this.model)],
            why: '',
          };
        each.rebased = true;
      }
      for (const { id, slot } of this.graph.apply(delta, firstId))
        this.#clashes.push(`${this.graph.pathOf(id) ?? `#${id}`}${slot}`);
      firstId += createdCount(delta);
    }
    this.#countIds();
  }

  /** Brings instance and benchmark to an acknowledged state, in place; what was changed and not committed is gone. */
  reset(state: { readonly snapshot: Uint8Array } | { readonly deltas: readonly VersionedDelta[] }, version: Version): void {
    if ('snapshot' in state) {
      // what was made here and is not acknowledged has ids that mean other objects to all others
      this.graph.shiftIds(this.#baseNextId, OWN_IDS_FROM);
      this.graph.sync(state.snapshot);
    } else {
      this.graph.sync(this.graph.encode());
      for (const { delta } of state.deltas) this.graph.apply(delta);
    }
    this.base = version;
    this.stale = undefined;
    this.#clashes = [];
    this.#lost = undefined;
    this.pending.length = 0;
    this.#baseNextId = this.graph.nextId;
    if (this.#origin !== undefined) {
      this.#origin = AtRest.trusted('snapshot' in state ? state.snapshot : this.graph.encode(), version);
    }
  }

  /** Notes which ids are of acknowledged nodes: all below those of what is under way. Where the graph could not follow, none is new. */
  #countIds(): void {
    if (this.#lost !== undefined) return;
    let created = 0;
    for (const { delta } of this.pending) created += createdCount(delta);
    this.#baseNextId = this.graph.nextId - created;
  }
}

/** True where something of the class follows another rule than that the same slot conflicts. */
function hasRules({ classes }: SessionModel): boolean {
  for (const { mutable, rest } of classes.values()) {
    if (rest !== undefined && rest.merge !== 'reject') return true;
    if (mutable.some(({ merge, key }) => merge !== 'reject' || key !== undefined)) return true;
  }
  return false;
}

function slotsOf(names: readonly string[], ...slots: ReadonlyMap<string, Slot>[]): Slot[] {
  return names.flatMap((name) => slots.find((each) => each.has(name))?.get(name) ?? []);
}
