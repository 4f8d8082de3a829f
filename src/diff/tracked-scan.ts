/**
 * The scan of a graph with tracked objects: of those, only the ones that were written are looked at.
 *
 * Invariant: as `Scan`. A mark is taken before its object is looked at and given back where the graph was not advanced, so a write
 * counts for this comparison or for the next one, whenever it happens.
 */
import type { ClassModel } from '../model/session-model.js';
import type { Binding, BoundClass } from './binding.js';
import { findings } from './findings.js';
import { eachChild, HOLE, isNode, type GraphNode, type InstanceNode } from './node.js';
import type { NodeTable } from './node-table.js';
import { Scan, type ScanRoot } from './scan.js';
import type { Survey } from './survey.js';
import { track } from './tracked-accessors.js';
import { PointerArray, TrackedInstance, type TrackedLayout } from './tracked-instance.js';
import { Tracker, type TrackedState } from './tracked-state.js';

export class TrackedScan extends Scan {
  readonly #tracked: readonly TrackedInstance[];
  readonly #tracker: Tracker;
  /** Those that are looked at this time, `#takenCount` of them. */
  readonly #taken: TrackedInstance[] = [];
  #takenCount = 0;
  #hits = 0;
  /** True until everything was looked at once: what was written before the scan was made, no tracker knows. */
  #isFresh = true;

  /**
   * @param roots what is looked at every time
   * @param tracked by the positions that the tracker knows
   */
  constructor(
    table: NodeTable,
    roots: readonly ScanRoot[],
    depths: readonly number[],
    tracked: readonly TrackedInstance[],
    tracker: Tracker,
  ) {
    super(table, roots, depths);
    this.#tracked = tracked;
    this.#tracker = tracker;
    tracker.own(this);
  }

  /** Tracks what can be. It is looked at on its own then, and so is each object that it holds. */
  static track(table: NodeTable, survey: Survey, binding: Binding, classes: ReadonlySet<ClassModel>): Scan {
    const layouts = new TrackedLayouts(binding, classes);
    const states = new Map<GraphNode, TrackedState>();
    for (const node of survey.order) {
      const layout = node.kind === 'instance' ? layouts.of(node) : undefined;
      const state = layout && track(node.source!, binding.ofShape((node as InstanceNode).shape)!.of);
      if (state === undefined) continue;
      states.set(node, state);
      node.shared = true;
      eachChild(node, (child) => (child.shared = true));
    }
    if (states.size === 0) return Scan.of(table, survey);
    const roots: ScanRoot[] = [];
    const depths: number[] = [];
    const tracked: TrackedInstance[] = [];
    const tracker = new Tracker();
    survey.order.forEach((node, i) => {
      const state = states.get(node);
      if (state !== undefined) {
        const watch = state.watchBy(tracker, tracked.length);
        tracked.push(new TrackedInstance(node as InstanceNode, layouts.of(node as InstanceNode)!, state, watch));
      } else if (node.shared) {
        const isPointers =
          node.kind === 'array' &&
          node.elements.length > 0 &&
          node.elements.every((element) => isNode(element) && element.shared);
        roots.push(isPointers ? new PointerArray(node) : node);
        depths.push(survey.depths[i]!);
      }
    });
    return new TrackedScan(table, roots, depths, tracked, tracker);
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

  /** Objects that came are tracked from the next scan on. */
  override outlives(): boolean {
    return false;
  }

  override close(): void {
    this.#tracker.close();
  }

  protected override scan(): void {
    // all of them first: whatever a getter writes while others are looked at is for the next time
    this.#take();
    this.#hits = 0;
    for (let i = 0; i < this.#takenCount; i++) this.#taken[i]!.compare();
    this.#hits = findings.count;
    super.scan();
  }

  protected override get isOneTree(): boolean {
    return this.#hits === 0 ? super.isOneTree : this.#hits === 1 && findings.count === 1;
  }

  #take(): void {
    const tracked = this.#tracked;
    const tracker = this.#tracker;
    const count = this.#isFresh ? tracked.length : tracker.count;
    const positions = tracker.take();
    for (let i = 0; i < count; i++) {
      const instance = tracked[this.#isFresh ? i : positions[i]!]!;
      this.#taken[i] = instance;
      this.#takenCount = i + 1;
      instance.take();
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

class TrackedLayouts {
  readonly #binding: Binding;
  readonly #classes: ReadonlySet<ClassModel>;
  /** By class, undefined where what it is bound to does not allow it. */
  readonly #byClass = new Map<BoundClass, TrackedLayout | undefined>();

  constructor(binding: Binding, classes: ReadonlySet<ClassModel>) {
    this.#binding = binding;
    this.#classes = classes;
  }

  /** @returns undefined where the instance cannot be tracked: of an attribute that was never given, any value has to be seen */
  of(node: InstanceNode): TrackedLayout | undefined {
    const bound = this.#binding.ofShape(node.shape);
    if (bound === undefined) return undefined;
    if (!this.#byClass.has(bound)) {
      const slots = bound.of.mutable.map(({ index }) => bound.slots[index]!);
      const possible = this.#classes.has(bound.of) && !slots.includes(-1);
      this.#byClass.set(bound, possible ? { prototype: bound.of.type.prototype as object, slots } : undefined);
    }
    const isWhole = bound.of.attributes.every(({ index }) => bound.slots[index]! >= 0 && node.get(bound.slots[index]!) !== HOLE);
    return isWhole ? this.#byClass.get(bound) : undefined;
  }
}
