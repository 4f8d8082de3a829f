/**
 * Brings what is under way here onto what others committed, where merge rules may have made something else of it.
 *
 * Invariant: every commit is merged by the same rules and the same code as at the primary, each on what the one before it came to,
 * so that what is sent next already is what it will be stored as. Ids of one's own new objects move as `shifts` says.
 */
import { createdCount, hasSchemaChange, referencedIds, shiftDelta, touchedSlots } from '../diff/delta.js';
import type { Graph } from '../diff/graph.js';
import type { Slot } from '../diff/slot.js';
import type { AtRest } from '../session/at-rest.js';
import { mergeThreeWay, type Merged, type Models } from '../session/three-way.js';
import type { Version } from '../shared/ids.js';

/** The ids of nodes from `from` up move by `by`. */
export interface Shift {
  readonly from: number;
  readonly by: number;
}

export class Rebase {
  readonly #origin: AtRest;
  readonly #base: Version;
  readonly #models: Models;
  /** What was made here, one on the other, from the state at the base. */
  readonly #made: Uint8Array[] = [];
  /** What is stored in its place, others' first. */
  readonly #stored: Uint8Array[] = [];
  readonly #touched = new Map<string, Slot>();
  #schemaChanged = false;
  /** The next id in the state that `#made` leads to. */
  #nextId: number;
  readonly #shifts: Shift[] = [];

  /**
   * @param origin the session at `base`, and whatever was appended to it since
   * @param others what was stored between the base and one's own commit
   * @param sent one's own commit as it was made
   * @param stored the same as it is stored
   */
  constructor(
    models: Models,
    origin: AtRest,
    base: Version,
    others: readonly Uint8Array[],
    sent: Uint8Array,
    stored: Uint8Array,
  ) {
    this.#models = models;
    this.#origin = origin;
    this.#base = base;
    this.#nextId = this.#state([]).nextId;
    for (const delta of others) {
      this.#touch(touchedSlots(delta));
      this.#schemaChanged ||= hasSchemaChange(delta);
      this.#shift(createdCount(delta));
      this.#stored.push(delta);
    }
    this.#advance(sent, sent, stored);
  }

  /** How ids move, in the order in which it must be done. */
  get shifts(): readonly Shift[] {
    return this.#shifts.filter(({ by }) => by > 0).toReversed();
  }

  /** The state that all of it leads to, as bytes. */
  snapshot(): Uint8Array {
    return this.#state(this.#stored).encode();
  }

  /** Merges what was made here next. Where it conflicts, nothing that follows can be merged. */
  next(made: Uint8Array): Merged {
    const mine = this.shifts.reduce((delta, { from, by }) => shiftDelta(delta, from, by), made);
    const merged = mergeThreeWay({
      base: () => {
        const graph = this.#state(this.#made);
        for (const { from, by } of this.shifts) graph.shiftIds(from, by);
        return graph;
      },
      theirs: () => this.#state(this.#stored),
      mine,
      touched: this.#touched,
      schemaChanged: this.#schemaChanged,
      models: this.#models,
    });
    if (!merged.merged) return merged;
    // it may have to be merged once more, at the primary, and there others' new objects may have the ids that its own have here
    const { nextId } = this.#state(this.#stored);
    for (const id of referencedIds(merged.delta)) {
      if (id >= nextId) return { merged: false, slots: [], why: 'what its merge function returned cannot be merged again' };
    }
    this.#advance(made, mine, merged.delta);
    return merged;
  }

  /** @param made a delta of one's own, also as `mine` with its ids moved, and as it is `stored` */
  #advance(made: Uint8Array, mine: Uint8Array, stored: Uint8Array): void {
    // beyond what was asked for, it changes what others changed
    const own = touchedSlots(mine);
    this.#touch([...touchedSlots(stored)].filter(([name]) => !own.has(name)));
    const created = createdCount(made);
    this.#nextId += created;
    this.#shift(createdCount(stored) - created);
    this.#made.push(made);
    this.#stored.push(stored);
  }

  #touch(slots: Iterable<readonly [string, Slot]>): void {
    for (const [name, slot] of slots) this.#touched.set(name, slot);
  }

  #shift(by: number): void {
    this.#shifts.push({ from: this.#nextId, by });
  }

  #state(deltas: readonly Uint8Array[]): Graph {
    const graph = this.#origin.graphAt(this.#base);
    for (const delta of deltas) graph.apply(delta);
    return graph;
  }
}
