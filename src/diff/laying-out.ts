/**
 * Lays loose nodes out: each gets a successor of a class that was generated for what it holds, and everything that referred to it
 * refers to that.
 *
 * Invariant: afterwards no node that is reached from elsewhere refers to one that has a successor. Successors are made children
 * first, so that each is made with its values in place; what a cycle left over is put right afterwards.
 */
import type { Binding } from './binding.js';
import { anyArrayClass, Layouts, layoutOfKeys, type ArrayClass } from './node-layout.js';
import { ArrayNode, DictionaryNode, isNode, type GraphNode, type Stored } from './node.js';
import type { NodeTable } from './node-table.js';

export class LayingOut {
  readonly #table: NodeTable;
  readonly #binding: Binding;
  readonly #layouts: Layouts;
  readonly #successors = new Map<GraphNode, GraphNode>();
  /** Of arrays, where they stand in something that is laid out too. */
  readonly #arrays = new Map<GraphNode, ArrayClass>();

  constructor(table: NodeTable, binding: Binding) {
    this.#table = table;
    this.#binding = binding;
    this.#layouts = Layouts.of(binding);
  }

  /**
   * @param made the nodes to lay out, parents mostly first
   * @param others what else may refer to them
   */
  run(made: readonly GraphNode[], others: Iterable<GraphNode>): void {
    for (const node of made) this.#place(node);
    for (let i = made.length - 1; i >= 0; i--) this.#succeed(made[i]!);
    if (this.#successors.size === 0) return;
    for (const node of made) this.#follow(this.#successors.get(node) ?? node);
    const first = made.reduce((least, { id }) => Math.min(least, id), Infinity);
    for (const node of others) this.#follow(node, first);
    this.#table.succeed(this.#successors);
  }

  /** Says which class the arrays get that stand in this node. */
  #place(node: GraphNode): void {
    if (node.kind === 'instance') {
      const layout = this.#layouts.ofInstance(node);
      if (layout === undefined) return;
      const { attributes } = this.#binding.ofShape(node.shape)!;
      for (let slot = 0; slot < layout.width; slot++) {
        const value = node.get(slot);
        if (!isArray(value)) continue;
        this.#arrays.set(value, layout.arrayAt(slot));
        value.key ??= attributes[slot]?.key;
      }
    } else if (node instanceof DictionaryNode && node.entries.entryValues.some(isArray)) {
      const layout = layoutOfKeys(node);
      if (layout === undefined) return;
      node.entries.entryValues.forEach((value, i) => isArray(value) && this.#arrays.set(value, layout.arrayAt(i)));
    }
  }

  #succeed(node: GraphNode): void {
    const successor = this.#successorOf(node);
    if (successor === undefined) return;
    successor.shared = node.shared;
    successor.mark = node.mark;
    this.#successors.set(node, successor);
  }

  #successorOf(node: GraphNode): GraphNode | undefined {
    const { id, source } = node;
    if (node.kind === 'instance') {
      const layout = this.#layouts.ofInstance(node);
      if (layout === undefined || node instanceof layout.type) return undefined;
      const count = node.slotCount;
      const values = Array.from({ length: layout.width }, (_, slot) => this.#now(node.get(slot)));
      const successor = new layout.type(id, source, ...values);
      for (let slot = layout.width; slot < count; slot++) successor.set(slot, node.get(slot));
      if (count < layout.width) successor.setSlotCount(count);
      if (Object.hasOwn(node, 'keys')) successor.keys = node.keys;
      for (const value of values) if (isNode(value) && value.kind === 'blob') value.holder = successor;
      return successor;
    }
    if (node instanceof DictionaryNode) {
      const layout = layoutOfKeys(node);
      return layout && new layout.type(id, source, ...node.entries.entryValues.map((value) => this.#now(value)));
    }
    if (node.kind === 'map') node.entries.trim();
    if (node.kind === 'set') node.members.trim();
    if (node.kind !== 'array' || node.constructor !== ArrayNode) return undefined;
    // a copy takes no more room than it needs
    const elements = node.elements.slice();
    for (let i = 0; i < elements.length; i++) if (isNode(elements[i])) elements[i] = this.#now(elements[i]);
    return new (this.#arrays.get(node) ?? anyArrayClass())(id, source, elements, node.key);
  }

  #now(value: Stored): Stored {
    return isNode(value) ? (this.#successors.get(value) ?? value) : value;
  }

  /** @param first what is older has no successor */
  #follow(node: GraphNode, first = 0): void {
    const isOld = (value: Stored | undefined): value is GraphNode =>
      isNode(value) && value.id >= first && this.#successors.has(value);
    switch (node.kind) {
      case 'instance':
        for (let slot = 0; slot < node.slotCount; slot++) {
          const value = node.get(slot);
          if (isOld(value)) node.set(slot, this.#now(value));
        }
        if (Object.hasOwn(node, 'keys')) this.#followAll(node.keys.entryValues, isOld);
        return;
      case 'object':
        if (node instanceof DictionaryNode) return this.#followAll(node.entries.entryValues, isOld);
        for (let i = 0; i < node.size; i++) {
          const value = node.valueAt(i);
          if (isOld(value)) node.restore(i, this.#now(value));
        }
        return;
      case 'array':
        return this.#followAll(node.elements, isOld);
      case 'map':
        this.#followAll(node.entries.entryValues, isOld);
        if (node.entries.names.some(isOld)) node.entries.replaceNames((name) => this.#now(name));
        return;
      case 'set':
        if (node.members.names.some(isOld)) node.members.replaceNames((name) => this.#now(name));
        return;
      default:
    }
  }

  #followAll(values: Stored[], isOld: (value: Stored | undefined) => boolean): void {
    for (let i = 0; i < values.length; i++) if (isOld(values[i])) values[i] = this.#now(values[i]);
  }
}

function isArray(value: Stored): value is ArrayNode {
  return isNode(value) && value.kind === 'array';
}
