/**
 * Builds the shadows of a graph.
 *
 * Invariant: they follow the references that a comparison follows, in its order. A node that is met once has its shadow in that of
 * the one where it is met; every other one is a root. Shadows are made children first, so each is made with its values in place.
 */
import type { Binding, BoundClass } from './binding.js';
import { anyArrayClass, canGenerate, comparatorOfKeys, Comparators, isCompared, storedAt } from './comparator.js';
import type { ArrayShadowClass, Comparator } from './comparator.js';
import type { ClassModel } from '../model/session-model.js';
import { HOLE, isNode, type ArrayNode, type GraphNode, type InstanceNode, type MapNode, type Stored } from './node.js';
import type { ObjectNode } from './node.js';
import type { NodeTable } from './node-table.js';
import { DateShadow, isFlat, KeyedShadow, KeyTable, LeafShadow, MapShadow, SetShadow } from './shadow-kinds.js';
import { Edge, type Place, type Shadow } from './shadow.js';
import { ShadowTree, type ShadowRoot } from './shadow-tree.js';
import { track } from './tracked-accessors.js';
import { trackedClasses } from './tracked-classes.js';
import { PointerShadow, TrackedShadow, type TrackedLayout } from './tracked-shadow.js';
import { Tracker, type TrackedState } from './tracked-state.js';
import { TrackedTree } from './tracked-tree.js';

/** @returns undefined where there can be none */
export function buildShadows(table: NodeTable, binding: Binding, unsteady: Set<GraphNode>): ShadowTree | undefined {
  if (!canGenerate()) return undefined;
  return new ShadowBuilder(table, binding, unsteady).build();
}

class ShadowBuilder {
  readonly #table: NodeTable;
  readonly #binding: Binding;
  readonly #comparators: Comparators;
  readonly #unsteady: Set<GraphNode>;
  /** All nodes that are met, breadth first, and for each: its level, where its children begin, its comparator and its shadow. */
  readonly #order: GraphNode[] = [];
  readonly #depths: number[] = [];
  readonly #children: number[] = [];
  readonly #arrayClasses: (ArrayShadowClass | undefined)[] = [];
  readonly #comparatorOf: (Comparator | undefined)[] = [];
  readonly #shadows: Shadow[] = [];
  /** Those that are looked at on their own: they are met several times, or tracked, or what holds them is. */
  readonly #shared = new Set<GraphNode>();
  readonly #trackedClasses: ReadonlySet<ClassModel>;
  /** By class, undefined where what it is bound to does not allow it. */
  readonly #layouts = new Map<BoundClass, TrackedLayout | undefined>();
  readonly #states: (TrackedState | undefined)[] = [];
  /** Buffers are met with the first view of them. */
  readonly #buffers = new Map<GraphNode, number>();
  #walk = 0;
  #depth = 0;
  #whole = true;
  #cursor = 0;
  #end = 0;

  constructor(table: NodeTable, binding: Binding, unsteady: Set<GraphNode>) {
    this.#table = table;
    this.#binding = binding;
    this.#trackedClasses = trackedClasses(binding.model);
    this.#comparators = Comparators.of(binding);
    this.#unsteady = unsteady;
  }

  build(): ShadowTree | undefined {
    const { root } = this.#table;
    this.#walk = this.#table.nextWalk();
    this.#depth = 1;
    this.#meet(root);
    this.#shared.add(root);
    for (let i = 0; i < this.#order.length; i++) {
      const node = this.#order[i]!;
      this.#children.push(this.#order.length);
      this.#depth = node.kind === 'view' ? this.#depths[i]! : this.#depths[i]! + 1;
      this.#follow(node, i);
    }
    if (!this.#whole) return undefined;
    if (this.#trackedClasses.size > 0) this.#track();
    for (let i = this.#order.length - 1; i >= 0; i--) {
      if (this.#states[i] !== undefined) continue;
      this.#cursor = this.#children[i]!;
      this.#end = this.#children[i + 1] ?? this.#order.length;
      const node = this.#order[i]!;
      const shadow = (this.#shadows[i] = this.#shadowOf(node, i));
      shadow.position = Math.min(i, this.#buffers.get(node) ?? i);
    }
    return this.#tree();
  }

  #tree(): ShadowTree {
    const roots: ShadowRoot[] = [];
    const tracked: TrackedShadow[] = [];
    const tracker = new Tracker();
    this.#order.forEach((node, i) => {
      const state = this.#states[i];
      if (state !== undefined) {
        const layout = this.#layoutOf(node as InstanceNode)!;
        const watch = state.watchBy(tracker, tracked.length);
        const shadow = new TrackedShadow(node as InstanceNode, node.source!, layout, state, watch);
        shadow.position = i;
        tracked.push(shadow);
      } else if (this.#shared.has(node)) roots.push({ shadow: this.#shadows[i]!, depth: this.#depths[i]! });
    });
    return tracked.length === 0
      ? new ShadowTree(roots, this.#table, this.#unsteady)
      : new TrackedTree(roots, tracked, tracker, this.#table, this.#unsteady);
  }

  /** Tracks what can be. It is looked at on its own then, and so is each object that it holds. */
  #track(): void {
    this.#order.forEach((node, i) => {
      if (node.kind !== 'instance' || this.#layoutOf(node) === undefined || !this.#isWhole(node)) return;
      const state = track(node.source!, this.#binding.ofShape(node.shape)!.of);
      if (state === undefined) return;
      this.#states[i] = state;
      this.#shared.add(node);
      const end = this.#children[i + 1] ?? this.#order.length;
      for (let child = this.#children[i]!; child < end; child++) this.#shared.add(this.#order[child]!);
    });
  }

  #layoutOf({ shape }: InstanceNode): TrackedLayout | undefined {
    const bound = this.#binding.ofShape(shape)!;
    if (!this.#layouts.has(bound)) {
      const slots = bound.of.mutable.map(({ index }) => bound.slots[index]!);
      const possible = this.#trackedClasses.has(bound.of) && !slots.includes(-1);
      this.#layouts.set(bound, possible ? { prototype: bound.of.type.prototype as object, slots } : undefined);
    }
    return this.#layouts.get(bound);
  }

  /** True where every attribute was given once; what was not is taken when it comes, immutable or not. */
  #isWhole(node: InstanceNode): boolean {
    const bound = this.#binding.ofShape(node.shape)!;
    return bound.of.attributes.every(({ index }) => storedAt(node, bound, index) !== HOLE);
  }

  #meet(stored: Stored | undefined, arrays?: ArrayShadowClass): void {
    if (!isNode(stored) || stored.kind === 'blob') return;
    if (stored.mark === this.#walk) {
      this.#shared.add(stored);
      return;
    }
    stored.mark = this.#walk;
    if (stored.source === undefined) this.#whole = false;
    this.#arrayClasses[this.#order.length] = arrays;
    this.#order.push(stored);
    this.#depths.push(this.#depth);
  }

  #follow(node: GraphNode, i: number): void {
    switch (node.kind) {
      case 'instance': {
        const bound = this.#binding.ofShape(node.shape);
        if (bound === undefined) return void (this.#whole = false);
        const comparator = (this.#comparatorOf[i] = this.#comparators.ofInstance(node, bound));
        for (const { index } of bound.of.attributes) {
          if (!isCompared(node, bound, index)) continue;
          const stored = storedAt(node, bound, index) as GraphNode;
          this.#meet(
            stored,
            stored.kind === 'array' ? comparator.arrayAt(comparator.places.indexOf(bound.slots[index]!)) : undefined,
          );
        }
        if (bound.of.open) for (const key of KeyTable.order(node.keys.keys())) this.#meet(node.keys.get(key));
        return;
      }
      case 'object': {
        const comparator = (this.#comparatorOf[i] = this.#unsteady.has(node) ? undefined : comparatorOfKeys(node));
        if (comparator === undefined) {
          for (const key of KeyTable.order(node.keys.keys())) this.#meet(node.keys.get(key));
          return;
        }
        let index = 0;
        for (const stored of node.keys.values()) {
          this.#meet(stored, isNode(stored) && stored.kind === 'array' ? comparator.arrayAt(index) : undefined);
          index++;
        }
        return;
      }
      case 'array':
        for (const stored of node.elements) this.#meet(stored);
        return;
      case 'map':
        for (const [key, value] of node.entries) {
          this.#meet(key);
          this.#meet(value);
        }
        return;
      case 'set':
        for (const member of node.members) this.#meet(member);
        return;
      case 'view': {
        const buffer = node.buffer!;
        this.#buffers.set(buffer, Math.min(i, this.#buffers.get(buffer) ?? i));
        return this.#meet(buffer);
      }
      default:
    }
  }

  #shadowOf(node: GraphNode, i: number): Shadow {
    const source = node.source!;
    switch (node.kind) {
      case 'instance':
        return this.#ofInstance(node, source, this.#comparatorOf[i]!);
      case 'object':
        return this.#ofObject(node, source, this.#comparatorOf[i]);
      case 'array':
        return this.#ofArray(node, source, this.#arrayClasses[i] ?? anyArrayClass());
      case 'map':
        return this.#ofMap(node, source);
      case 'set':
        return new SetShadow(node, source, this.#placesOf(node.members));
      case 'date':
        return new DateShadow(node, source);
      case 'view':
        return new LeafShadow(node, source, this.#binding, this.#place(node.buffer) as Place);
      default:
        return new LeafShadow(node, source, this.#binding);
    }
  }

  /** The references of a node come in the order in which they were followed. */
  #place(stored: Stored): unknown {
    if (!isNode(stored)) return stored;
    if (stored.kind === 'blob') return HOLE;
    if (this.#cursor < this.#end && this.#order[this.#cursor] === stored) {
      const shadow = this.#shadows[this.#cursor++]!;
      if (!this.#shared.has(stored)) return shadow;
    }
    return new Edge(stored.source);
  }

  #placesOf(values: Iterable<Stored>): unknown[] {
    return Array.from(values, (stored) => this.#place(stored));
  }

  #ofInstance(node: InstanceNode, source: object, comparator: Comparator): Shadow {
    const { slots } = node;
    const values = comparator.places.map((slot) => this.#place((slot as number) < slots.length ? slots[slot as number] : HOLE));
    if (comparator.open) {
      const names = KeyTable.order(node.keys.keys());
      const { properties } = this.#binding.ofShape(node.shape)!;
      values.push(new KeyTable(names, this.#placesOf(names.map((name) => node.keys.get(name))), properties));
    }
    return new comparator.shadow(node, source, ...values);
  }

  #ofObject(node: ObjectNode, source: object, comparator: Comparator | undefined): Shadow {
    if (comparator !== undefined) return new comparator.shadow(node, source, ...this.#placesOf(node.keys.values()));
    const names = KeyTable.order(node.keys.keys());
    return new KeyedShadow(node, source, new KeyTable(names, this.#placesOf(names.map((name) => node.keys.get(name)))));
  }

  #ofArray(node: ArrayNode, source: object, type: ArrayShadowClass): Shadow {
    const flat = node.elements.every(isFlat);
    if (!flat && this.#trackedClasses.size > 0) {
      const places = this.#placesOf(node.elements);
      if (places.every(isEdge)) return new PointerShadow(node, source, places.map((edge) => edge.source)); // prettier-ignore
      return new type(node, source, places, false);
    }
    return new type(node, source, flat ? node.elements : this.#placesOf(node.elements), flat);
  }

  #ofMap(node: MapNode, source: object): Shadow {
    const names: unknown[] = [];
    const values: unknown[] = [];
    for (const [key, value] of node.entries) {
      names.push(this.#place(key));
      values.push(this.#place(value));
    }
    return new MapShadow(node, source, names, values);
  }
}

function isEdge(place: unknown): place is Edge {
  return place instanceof Edge;
}
