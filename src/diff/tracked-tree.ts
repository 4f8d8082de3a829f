/**
 * The shadows of a graph with tracked objects: of those, only the ones that were written are looked at.
 *
 * Invariant: as `ShadowTree`. A mark is taken before its object is looked at and given back where the graph was not advanced, so a
 * write counts for this comparison or for the next one, whenever it happens.
 */
import type { Binding } from './binding.js';
import type { GraphNode } from './node.js';
import type { NodeTable } from './node-table.js';
import { ShadowTree, type ShadowRoot } from './shadow-tree.js';
import type { TrackedShadow } from './tracked-shadow.js';
import type { Tracker } from './tracked-state.js';

export class TrackedTree extends ShadowTree {
  readonly #tracked: readonly TrackedShadow[];
  readonly #tracker: Tracker;
  /** Those that are looked at this time, `#takenCount` of them. */
  readonly #taken: TrackedShadow[] = [];
  #takenCount = 0;
  /** True until everything was looked at once: what was written before the tree was built, no tracker knows. */
  #isFresh = true;

  /**
   * @param roots what is looked at every time
   * @param tracked by the positions that the tracker knows
   */
  constructor(
    roots: readonly ShadowRoot[],
    tracked: readonly TrackedShadow[],
    tracker: Tracker,
    table: NodeTable,
    unsteady: Set<GraphNode>,
  ) {
    super(roots, table, unsteady);
    this.#tracked = tracked;
    this.#tracker = tracker;
    tracker.own(this);
  }

  override diff(binding: Binding): Uint8Array | null | undefined {
    let delta: Uint8Array | null | undefined;
    try {
      delta = super.diff(binding);
    } finally {
      this.#leave(delta !== undefined);
    }
    return delta;
  }

  override close(): void {
    this.#tracker.close();
  }

  protected override scan(): void {
    // all of them first: whatever a getter writes while others are looked at is for the next time
    this.#take();
    for (let i = 0; i < this.#takenCount; i++) {
      const shadow = this.#taken[i]!;
      shadow.compare(shadow.source);
    }
    super.scan();
  }

  #take(): void {
    const tracked = this.#tracked;
    const tracker = this.#tracker;
    const count = this.#isFresh ? tracked.length : tracker.count;
    const positions = tracker.take();
    for (let i = 0; i < count; i++) {
      const shadow = tracked[this.#isFresh ? i : positions[i]!]!;
      this.#taken[i] = shadow;
      this.#takenCount = i + 1;
      shadow.take();
    }
  }

  #leave(advanced: boolean): void {
    for (let i = 0; i < this.#takenCount; i++) {
      if (advanced) this.#taken[i]!.settle();
      else this.#taken[i]!.putBack();
    }
    this.#takenCount = 0;
    if (advanced) this.#isFresh = false;
  }
}
