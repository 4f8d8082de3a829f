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
  /** Those that are looked at this time. */
  readonly #taken: TrackedShadow[] = [];
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

  protected override scan(): void {
    const taken = this.#taken;
    if (this.#isFresh) for (const shadow of this.#tracked) taken.push(shadow);
    const positions = this.#tracker.take();
    if (!this.#isFresh) for (let i = 0; i < positions.length; i++) taken.push(this.#tracked[positions[i]!]!);
    // all of them first: whatever a getter writes while others are looked at is for the next time
    for (let i = 0; i < taken.length; i++) taken[i]!.take();
    for (let i = 0; i < taken.length; i++) taken[i]!.compare(taken[i]!.source);
    super.scan();
  }

  override close(): void {
    this.#tracker.close();
  }

  #leave(advanced: boolean): void {
    const taken = this.#taken;
    for (let i = 0; i < taken.length; i++) {
      if (advanced) taken[i]!.settle();
      else taken[i]!.putBack();
    }
    if (taken.length > 0) taken.length = 0;
    if (advanced) this.#isFresh = false;
  }
}
