/**
 * The nodes of a graph: what Twinstate knows of one object, in the form in which it is compared fastest.
 *
 * Invariant: a node holds nothing of the instance but `source`: bytes are copies, dates are numbers. A node's kind never changes,
 * nor do an instance's shape, a view's window, and the length of a `Buffer` or `ArrayBuffer`: another kind is another node. A blob
 * stands in exactly one slot. A node that is not `shared` is referred to from exactly one place.
 *
 * Instances, plain objects and arrays are *loose* while they are made. In a graph that is compared they are *laid out* afterwards: of
 * a class generated for what they hold (`node-layout.ts`), values in its fields. What is the same for all nodes of a class stands on its
 * prototype.
 */
import type { Primitive } from '../wire/value.js';
import { OrderedMap, OrderedSet } from './ordered-entries.js';

/** A hole of an array; in an instance's slot, that no value was ever given and the initialiser stands. */
export const HOLE: unique symbol = Symbol('hole');

/** What stands in a slot of a node. */
export type Stored = Primitive | typeof HOLE | GraphNode;

/** Where an advance is written. */
export interface AdvanceWriter {
  entry(node: GraphNode, key: Stored, value: Stored): void;
  time(node: DateNode): void;
}

/** Where an advance says what was there before. */
export interface AdvanceLog {
  push(changed: Scanned, place: number, old: unknown): void;
}

/** What a scan can find changed: a node, or what is scanned in its place. */
export interface Scanned {
  readonly node: GraphNode;
  advance(writer: AdvanceWriter, undo: AdvanceLog): boolean;
  restore(place: number, old: unknown): void;
}

export abstract class NodeBase {
  /** The live object, where the graph is bound to some; a blob has none. */
  source: object | undefined;
  /** True where several references lead here: none of them compares further than the pointer. */
  shared = false;
  id: number;
  /** The last walk that came here. */
  mark = 0;

  constructor(id: number, source?: object) {
    this.source = source;
    this.id = id;
  }

  get node(): GraphNode {
    return this as unknown as GraphNode;
  }

  /** Reports what changed in the object and below it. `live` is `source`. Generated, or put here by `node-scans.ts`. */
  declare compare: (live: unknown, depth: number) => void;

  /**
   * Takes over and writes the changes that a scan found in this object, where they are simple.
   *
   * @returns false where the object is no longer as it was found
   */
  advance(_writer: AdvanceWriter, _undo: AdvanceLog): boolean {
    return false;
  }

  /** Puts an old value back. */
  restore(_place: number, _old: unknown): void {}
}

/** Shared by all that have none. */
const NO_KEYS = new OrderedMap<string, Stored>();

export abstract class InstanceNode extends NodeBase {
  declare readonly kind: 'instance';
  declare readonly shape: number;
  /** How many slots the node has: fewer than its shape has names, where it was made by an older model. */
  declare readonly slotCount: number;
  /** What an open class holds beyond its attributes. To be changed through `ownKeys` only. */
  declare keys: OrderedMap<string, Stored>;

  /** What stands in a slot; `HOLE` behind the last. */
  abstract get(slot: number): Stored;
  abstract set(slot: number, value: Stored): void;
}

export class LooseInstance extends InstanceNode {
  override readonly shape: number;
  readonly slots: Stored[] = [];

  constructor(id: number, shape: number) {
    super(id);
    this.shape = shape;
  }

  override get(slot: number): Stored {
    return slot < this.slots.length ? this.slots[slot] : HOLE;
  }

  override set(slot: number, value: Stored): void {
    while (this.slots.length < slot) this.slots.push(HOLE);
    this.slots[slot] = value;
  }
}

export abstract class ObjectNode extends NodeBase {
  declare readonly kind: 'object';
  declare readonly nullPrototype: boolean;
  /** In their order. To be changed by `setValue`, or after `loosen` only. */
  abstract readonly keys: OrderedMap<string, Stored>;
  /** How many keys there are. */
  abstract readonly size: number;
  /** By position. */
  abstract valueAt(index: number): Stored;
  /** Puts another value under a key that is there. */
  abstract setValue(key: string, value: Stored): void;
}

/** Loose, or with so many or so changing keys that no class is made for it. */
export class DictionaryNode extends ObjectNode {
  override readonly nullPrototype: boolean;
  entries = new OrderedMap<string, Stored>();

  constructor(id: number, nullPrototype: boolean) {
    super(id);
    this.nullPrototype = nullPrototype;
  }

  override get keys(): OrderedMap<string, Stored> {
    return this.entries;
  }

  override get size(): number {
    return this.entries.size;
  }

  override valueAt(index: number): Stored {
    return this.entries.entryValues[index];
  }

  override setValue(key: string, value: Stored): void {
    this.entries.set(key, value);
  }
}

export class ArrayNode extends NodeBase {
  declare readonly kind: 'array';
  elements: Stored[];
  /** The property that identifies elements, from the first attribute with one in which the array was met. */
  declare key: string | undefined;

  constructor(id: number, source?: object, elements: Stored[] = [], key?: string) {
    super(id, source);
    this.elements = elements;
    if (key !== undefined) this.key = key;
  }
}

export class MapNode extends NodeBase {
  declare readonly kind: 'map';
  entries = new OrderedMap<Stored, Stored>();

  override advance(writer: AdvanceWriter, undo: AdvanceLog): boolean {
    const { names, entryValues: values } = this.entries;
    const end = names.length;
    let count = 0;
    for (const [key, value] of this.source as Map<Stored, Stored>) {
      const index = count++;
      const stored = values[index];
      if (index < end && (isNode(stored) || Object.is(value, stored))) continue;
      if (isObject(key) || isObject(value)) return false;
      undo.push(this, index, index < end ? stored : HOLE);
      this.entries.set(key, value);
      writer.entry(this, key, value);
    }
    return count >= end;
  }

  override restore(place: number, old: unknown): void {
    const { names, entryValues } = this.entries;
    if (old === HOLE) this.entries.delete(names[place]);
    else entryValues[place] = old as Stored;
  }
}

export class SetNode extends NodeBase {
  declare readonly kind: 'set';
  members = new OrderedSet<Stored>();
}

export class ViewNode extends NodeBase {
  declare readonly kind: 'view';
  /** Which of `VIEW_KINDS`. */
  readonly view: number;
  buffer: BytesNode | undefined = undefined;
  offsetBytes = 0;
  /** In elements. */
  length = 0;

  constructor(id: number, view: number) {
    super(id);
    this.view = view;
  }
}

export class DateNode extends NodeBase {
  declare readonly kind: 'date';
  time: number;

  constructor(id: number, time: number) {
    super(id);
    this.time = time;
  }

  override advance(writer: AdvanceWriter, undo: AdvanceLog): boolean {
    undo.push(this, 0, this.time);
    this.time = (this.source as Date).getTime();
    writer.time(this);
    return true;
  }

  override restore(_place: number, old: unknown): void {
    this.time = old as number;
  }
}

export class RegExpNode extends NodeBase {
  declare readonly kind: 'regexp';
  pattern: string;
  flags: string;
  lastIndex: number;

  constructor(id: number, pattern: string, flags: string, lastIndex: number) {
    super(id);
    this.pattern = pattern;
    this.flags = flags;
    this.lastIndex = lastIndex;
  }
}

export class UrlNode extends NodeBase {
  declare readonly kind: 'url';
  href: string;

  constructor(id: number, href: string) {
    super(id);
    this.href = href;
  }
}

/** Whose bytes: a `Buffer`'s, an `ArrayBuffer`'s, or those of a whole attribute that is opaque to the graph. */
export class BytesNode extends NodeBase {
  readonly kind: 'buffer' | 'arrayBuffer' | 'blob';
  bytes: Uint8Array;
  /** Of a blob: made by the attribute's codec, not by Twinstate. */
  readonly coded: boolean;
  /** Of a blob in a bound graph: where it stands. */
  holder: InstanceNode | undefined = undefined;

  constructor(id: number, kind: 'buffer' | 'arrayBuffer' | 'blob', bytes: Uint8Array, coded = false) {
    super(id);
    this.kind = kind;
    this.bytes = bytes;
    this.coded = coded;
  }
}

const KINDS: readonly (readonly [{ readonly prototype: object }, string])[] = [
  [InstanceNode, 'instance'], [ObjectNode, 'object'], [ArrayNode, 'array'], [MapNode, 'map'], [SetNode, 'set'],
  [ViewNode, 'view'], [DateNode, 'date'], [RegExpNode, 'regexp'], [UrlNode, 'url'],
]; // prettier-ignore
for (const [type, kind] of KINDS) Object.defineProperty(type.prototype, 'kind', { value: kind });
Object.defineProperty(ArrayNode.prototype, 'key', { value: undefined, writable: true });
Object.defineProperty(InstanceNode.prototype, 'keys', { value: NO_KEYS, writable: true });
Object.defineProperty(LooseInstance.prototype, 'slotCount', {
  get(this: LooseInstance) {
    return this.slots.length;
  },
});

export type LeafNode = DateNode | RegExpNode | UrlNode | BytesNode;
export type ContainerNode = InstanceNode | ObjectNode | ArrayNode | MapNode | SetNode | ViewNode;
export type GraphNode = LeafNode | ContainerNode;
/** What holds values under names. */
export type KeyedNode = InstanceNode | ObjectNode;

/** Of what is stored, only nodes are objects. */
export function isNode(value: Stored | undefined): value is GraphNode {
  return typeof value === 'object' && value !== null;
}

function isObject(value: unknown): boolean {
  return (typeof value === 'object' && value !== null) || typeof value === 'function' || typeof value === 'symbol';
}

export function isContainer(node: GraphNode): node is ContainerNode {
  switch (node.kind) {
    case 'instance':
    case 'object':
    case 'array':
    case 'map':
    case 'set':
    case 'view':
      return true;
    default:
      return false;
  }
}

/** The keys of an instance, as its own. */
export function ownKeys(node: InstanceNode): OrderedMap<string, Stored> {
  if (node.keys === NO_KEYS) node.keys = new OrderedMap();
  return node.keys;
}

/** Calls back for every node that this one refers to, in the order of the wire. */
export function eachChild(node: GraphNode, visit: (child: GraphNode) => void): void {
  switch (node.kind) {
    case 'instance': {
      const { slotCount } = node;
      for (let slot = 0; slot < slotCount; slot++) {
        const value = node.get(slot);
        if (isNode(value)) visit(value);
      }
      if (node.keys !== NO_KEYS) for (const value of node.keys.entryValues) if (isNode(value)) visit(value);
      return;
    }
    case 'object': {
      const { size } = node;
      for (let i = 0; i < size; i++) {
        const value = node.valueAt(i);
        if (isNode(value)) visit(value);
      }
      return;
    }
    case 'array':
      for (const value of node.elements) if (isNode(value)) visit(value);
      return;
    case 'map': {
      const { names, entryValues } = node.entries;
      names.forEach((name, i) => {
        if (isNode(name)) visit(name);
        const value = entryValues[i];
        if (isNode(value)) visit(value);
      });
      return;
    }
    case 'set':
      for (const value of node.members.names) if (isNode(value)) visit(value);
      return;
    case 'view':
      if (node.buffer !== undefined) visit(node.buffer);
      return;
    default:
  }
}
