/**
 * What generated node classes extend.
 *
 * Invariant: a laid-out instance has a field for every slot that its shape had when the class was made; what a later schema adds
 * stands in `more` until the graph is laid out anew. A shaped object has exactly the keys of its class, in their order; before that
 * changes it becomes a dictionary and stays the same node.
 */
import { DictionaryNode, HOLE, InstanceNode, ObjectNode, type KeyedNode, type Stored } from './node.js';
import { ownKeys } from './node.js';
import { OrderedMap } from './ordered-entries.js';

export abstract class LaidOutInstance extends InstanceNode {
  /** How many slots have a field. */
  declare readonly width: number;
  /** What stands in slots behind the fields. */
  declare more: Stored[] | undefined;

  /** Reads a slot that has no field. */
  protected far(slot: number): Stored {
    const { more, width } = this;
    return more !== undefined && slot - width < more.length ? more[slot - width] : HOLE;
  }

  protected setFar(slot: number, value: Stored): void {
    const more = (this.more ??= []);
    while (more.length < slot - this.width) more.push(HOLE);
    more[slot - this.width] = value;
  }

  /** Says that there are so many slots; the prototype says how many there are mostly. */
  setSlotCount(count: number): void {
    Object.defineProperty(this, 'slotCount', { value: count, writable: true, enumerable: true, configurable: true });
  }
}
Object.defineProperty(LaidOutInstance.prototype, 'more', { value: undefined, writable: true });

export abstract class ShapedObject extends ObjectNode {
  declare readonly names: readonly string[];
  declare readonly size: number;

  /** A copy; it is asked for where more than values changed, and by those who have time. */
  override get keys(): OrderedMap<string, Stored> {
    return new OrderedMap([...this.names], this.names.map((_, i) => this.valueAt(i))); // prettier-ignore
  }

  override setValue(key: string, value: Stored): void {
    this.restore(this.names.indexOf(key), value);
  }
}

/** The keys of a node, to be changed: a shaped object becomes a dictionary. */
export function loosen(node: KeyedNode): OrderedMap<string, Stored> {
  if (node.kind === 'instance') return ownKeys(node);
  if (node instanceof DictionaryNode) return node.entries;
  const { keys, nullPrototype, names } = node as ShapedObject;
  for (let i = 0; i < names.length; i++) node.restore(i, undefined);
  Object.setPrototypeOf(node, DictionaryNode.prototype);
  Object.assign(node, { nullPrototype, entries: keys });
  return keys;
}
