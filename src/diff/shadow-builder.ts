/**
 * Builds the shadows of a graph.
 *
 * Invariant: they follow the references that a comparison follows, in its order. A node that is met once has its shadow in that of
 * the one where it is met; every other one is a root. Shadows are made children first, so each is made with its values in place.
 */
import type { Binding } from './binding.js';
import { anyArrayClass, canGenerate, comparatorOfKeys, Comparators, isCompared, storedAt } from './comparator.js';
import type { ArrayShadowClass, Comparator } from './comparator.js';
import { HOLE, isNode, type ArrayNode, type GraphNode, type InstanceNode, type MapNode, type Stored } from './node.js';
import type { ObjectNode } from './node.js';
import type { NodeTable } from './node-table.js';
import { type ArrayShadow, DateShadow, isFlat, KeyedShadow, KeyTable, LeafShadow, MapShadow, SetShadow } from './shadow-kinds.js';
import { Edge, type Place, type Shadow } from './shadow.js';
import { ShadowTree, type ShadowRoot } from './shadow-tree.js';

/** @returns undefined where there can be none */
export function buildShadows(table: NodeTable, binding: Binding, unsteady: Set<GraphNode>): ShadowTree | undefined {
  if (!canGenerate()) return undefined;
  const roots = new ShadowBuilder(table, binding, unsteady).build();
  return roots && new ShadowTree(roots, table, unsteady);
}

class ShadowBuilder {
  readonly #table: NodeTable;
  readonly #binding: Binding;
  readonly #comparators: Comparators;
  readonly #unsteady: ReadonlySet<GraphNode>;
  /** All nodes that are met, breadth first, and for each: its level, where its children begin, its comparator and its shadow. */
  readonly #order: GraphNode[] = [];
  readonly #depths: number[] = [];
  readonly #children: number[] = [];
  readonly #arrayClasses: (ArrayShadowClass | undefined)[] = [];
  readonly #comparatorOf: (Comparator | undefined)[] = [];
  readonly #shadows: Shadow[] = [];
  readonly #shared = new Set<GraphNode>();
  #walk = 0;
  #depth = 0;
  #whole = true;
  #cursor = 0;
  #end = 0;

  constructor(table: NodeTable, binding: Binding, unsteady: ReadonlySet<GraphNode>) {
    this.#table = table;
    this.#binding = binding;
    this.#comparators = Comparators.of(binding);
    this.#unsteady = unsteady;
  }

  build(): ShadowRoot[] | undefined {
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
    for (let i = this.#order.length - 1; i >= 0; i--) {
      this.#cursor = this.#children[i]!;
      this.#end = this.#children[i + 1] ?? this.#order.length;
      this.#shadows[i] = this.#shadowOf(this.#order[i]!, i);
    }
    const roots: ShadowRoot[] = [];
    this.#order.forEach((node, i) => {
      if (this.#shared.has(node)) roots.push({ shadow: this.#shadows[i]!, depth: this.#depths[i]! });
    });
    return roots;
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
      case 'view':
        return this.#meet(node.buffer);
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

  #ofArray(node: ArrayNode, source: object, type: ArrayShadowClass): ArrayShadow {
    const flat = node.elements.every(isFlat);
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
