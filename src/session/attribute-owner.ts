/**
 * Whose rule applies to a slot: the attribute through which its object is reached.
 *
 * Invariant: an attribute owns its own slot and everything behind it, down to the next class instance, whose attributes have rules of
 * their own. What is reached through several attributes is owned by none of them, because their rules may differ.
 */
import type { Graph } from '../diff/graph.js';
import { eachChild, isNode, type GraphNode } from '../diff/node.js';
import type { Slot } from '../diff/slot.js';
import type { AttributeModel, SessionModel } from '../model/session-model.js';

/** One attribute of one instance. */
export interface Unit {
  readonly holder: number;
  readonly slot: number;
  readonly attribute: AttributeModel;
}

export class AttributeOwners {
  readonly #graph: Graph;
  readonly #model: SessionModel;
  /** The attribute that a node is reached through; undefined where there are several or none. */
  readonly #owners = new Map<GraphNode, Unit | undefined>();

  constructor(graph: Graph, model: SessionModel) {
    this.#graph = graph;
    this.#model = model;
    const root = graph.node(0)!;
    this.#owners.set(root, undefined);
    const queue: GraphNode[] = [root];
    for (let node = queue.pop(); node !== undefined; node = queue.pop()) this.#expand(node, queue);
  }

  /** The attribute whose rule a slot follows. */
  of(slot: Slot): Unit | undefined {
    if (slot.kind === 'slot') return this.#unit(slot.target, slot.slot);
    const node = this.#graph.node(slot.target);
    // the keys of an open class belong to no attribute
    return node === undefined || node.kind === 'instance' ? undefined : this.#owners.get(node);
  }

  /** The attribute in which a node stands, an instance too. */
  standsIn(id: number): Unit | undefined {
    const node = this.#graph.node(id);
    return node === undefined ? undefined : this.#owners.get(node);
  }

  #unit(holder: number, slot: number): Unit | undefined {
    const attribute = this.#graph.attributeAt(holder, slot, this.#model);
    return attribute === undefined ? undefined : { holder, slot, attribute };
  }

  #expand(node: GraphNode, queue: GraphNode[]): void {
    if (node.kind !== 'instance') {
      const owner = this.#owners.get(node);
      return eachChild(node, (child) => this.#own(child, owner, queue));
    }
    for (let slot = 0; slot < node.slotCount; slot++) {
      const value = node.get(slot);
      if (isNode(value)) this.#own(value, this.#unit(node.id, slot), queue);
    }
    for (const value of node.keys.values()) if (isNode(value)) this.#own(value, undefined, queue);
  }

  #own(node: GraphNode, unit: Unit | undefined, queue: GraphNode[]): void {
    const isNew = !this.#owners.has(node);
    const before = this.#owners.get(node);
    if (!isNew && (before === undefined || (before.holder === unit?.holder && before.slot === unit.slot))) return;
    this.#owners.set(node, isNew ? unit : undefined);
    // an instance's attributes are its own, whoever owns it
    if (isNew || node.kind !== 'instance') queue.push(node);
  }
}
