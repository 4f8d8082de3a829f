/**
 * Walks through a whole graph in the order of a comparison, and finds which nodes are referred to from several places.
 *
 * Invariant: afterwards `shared` is true for exactly the nodes with several references (and the root, and what is looked at apart),
 * compared nodes are marked in the order in which a comparison meets them, and the tables hold what can be reached.
 */
import type { Binding } from './binding.js';
import { liveOrder } from './collection-scan.js';
import { DictionaryNode, eachChild, isNode, type GraphNode, type InstanceNode, type Stored } from './node.js';
import type { NodeTable } from './node-table.js';

export class Survey {
  /** All nodes that a comparison meets, breadth first. */
  readonly order: GraphNode[] = [];
  /** The level of each. */
  readonly depths: number[] = [];
  readonly #binding: Binding;
  readonly #walk: number;
  readonly #onlyOrder: boolean;
  #depth = 1;

  /** @param onlyOrder leaves it as it is which nodes are shared: since the last survey no reference came or went */
  constructor(table: NodeTable, binding: Binding, onlyOrder = false) {
    this.#onlyOrder = onlyOrder;
    this.#binding = binding;
    this.#walk = table.nextWalk();
    this.#meet(table.root);
    for (let i = 0; i < this.order.length; i++) {
      this.#depth = this.depths[i]! + 1;
      this.#follow(this.order[i]!);
    }
    const { order } = this;
    const count = order.length;
    if (onlyOrder) {
      table.markedInOrder(this.#walk + count);
      return;
    }
    // what only immutable attributes, or nobody here, can see: reached, but not compared
    const others: GraphNode[] = [];
    const meet = (child: GraphNode): void => {
      if (child.mark >= this.#walk) return void (child.shared = true);
      child.mark = this.#walk + count + others.length;
      child.shared = false;
      others.push(child);
    };
    for (const node of order) if (node.kind === 'instance') this.#eachUncompared(node, meet);
    for (let i = 0; i < others.length; i++) eachChild(others[i]!, meet);
    table.keepOnly(others.length === 0 ? order : [...order, ...others]);
    table.markedInOrder(this.#walk + count + others.length);
    table.root.shared = true;
  }

  #meet(stored: Stored | undefined): void {
    if (!isNode(stored) || stored.kind === 'blob') return;
    if (stored.mark >= this.#walk) {
      if (!this.#onlyOrder) stored.shared = true;
      return;
    }
    stored.mark = this.#walk + this.order.length;
    if (!this.#onlyOrder) stored.shared = false;
    this.order.push(stored);
    this.depths.push(this.#depth);
    if (stored.kind === 'view') this.#meet(stored.buffer);
  }

  #follow(node: GraphNode): void {
    switch (node.kind) {
      case 'instance': {
        const bound = this.#binding.ofShape(node.shape);
        if (bound === undefined) return;
        for (const { index } of bound.of.mutable) if (bound.slots[index]! >= 0) this.#meet(node.get(bound.slots[index]!));
        if (bound.of.open) for (const value of liveOrder(node.keys).values) this.#meet(value as Stored);
        return;
      }
      case 'object':
        if (node instanceof DictionaryNode) for (const value of liveOrder(node.entries).values) this.#meet(value as Stored);
        else eachValue(node.size, (i) => this.#meet(node.valueAt(i)));
        return;
      case 'array':
        for (const stored of node.elements) this.#meet(stored);
        return;
      case 'map':
        for (const name of node.entries.names) this.#meet(name);
        for (const value of node.entries.entryValues) this.#meet(value);
        return;
      case 'set':
        for (const member of node.members.names) this.#meet(member);
        return;
      default:
    }
  }

  #eachUncompared(node: InstanceNode, meet: (child: GraphNode) => void): void {
    const bound = this.#binding.ofShape(node.shape);
    for (let slot = 0; slot < node.slotCount; slot++) {
      const value = node.get(slot);
      if (isNode(value) && (bound?.attributes[slot]?.mutable !== true || value.kind === 'blob')) meet(value);
    }
    if (bound?.of.open !== true) for (const value of node.keys.entryValues) if (isNode(value)) meet(value);
  }
}

function eachValue(count: number, visit: (index: number) => void): void {
  for (let i = 0; i < count; i++) visit(i);
}
