/**
 * The nodes of a graph: what Twinstate knows of one object.
 *
 * Invariant: a node holds nothing of the instance but `source`: bytes are copies, dates are numbers. A node's kind never changes,
 * nor do an instance's shape, a view's window, and the length of a `Buffer` or `ArrayBuffer`: another kind is another node. A blob
 * stands in exactly one slot.
 */
import type { Primitive } from '../wire/value.js';

/** A hole of an array; in an instance's slot, that no value was ever given and the initialiser stands. */
export const HOLE: unique symbol = Symbol('hole');

/** What stands in a slot of a node. */
export type Stored = Primitive | typeof HOLE | GraphNode;

export abstract class NodeBase {
  id: number;
  /** The live object, where the graph is bound to some; for a blob, the live value. */
  source: object | undefined = undefined;
  /** The last walk that came here. */
  mark = 0;

  constructor(id: number) {
    this.id = id;
  }
}

/** Shared by all that have none, because an empty `Map` takes more memory than most nodes. */
const NO_KEYS: Map<string, Stored> = new Map();

/** The keys of a node, as its own. */
export function writableKeys(node: KeyedNode): Map<string, Stored> {
  if (node.keys === NO_KEYS) node.keys = new Map();
  return node.keys;
}

export class InstanceNode extends NodeBase {
  readonly kind = 'instance';
  readonly shape: number;
  slots: Stored[] = [];
  /** What an open class holds beyond its attributes. To be changed by `writableKeys` only. */
  keys: Map<string, Stored> = NO_KEYS;

  constructor(id: number, shape: number) {
    super(id);
    this.shape = shape;
  }
}

export class ObjectNode extends NodeBase {
  readonly kind = 'object';
  readonly nullPrototype: boolean;
  keys: Map<string, Stored> = new Map();

  constructor(id: number, nullPrototype: boolean) {
    super(id);
    this.nullPrototype = nullPrototype;
  }
}

export class ArrayNode extends NodeBase {
  readonly kind = 'array';
  elements: Stored[] = [];
  /** The property that identifies elements, from the attribute in which the array was met. */
  key: string | undefined = undefined;
}

export class MapNode extends NodeBase {
  readonly kind = 'map';
  entries: Map<Stored, Stored> = new Map();
}

export class SetNode extends NodeBase {
  readonly kind = 'set';
  members: Set<Stored> = new Set();
}

export class ViewNode extends NodeBase {
  readonly kind = 'view';
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
  readonly kind = 'date';
  time: number;

  constructor(id: number, time: number) {
    super(id);
    this.time = time;
  }
}

export class RegExpNode extends NodeBase {
  readonly kind = 'regexp';
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
  readonly kind = 'url';
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

export type LeafNode = DateNode | RegExpNode | UrlNode | BytesNode;
export type ContainerNode = InstanceNode | ObjectNode | ArrayNode | MapNode | SetNode | ViewNode;
export type GraphNode = LeafNode | ContainerNode;
/** What holds values under names. */
export type KeyedNode = InstanceNode | ObjectNode;

export function isNode(value: Stored | undefined): value is GraphNode {
  return value instanceof NodeBase;
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

/** A copy of the node that shares no container with it; only its values are the same. */
export function copyNode<N extends GraphNode>(node: N): N {
  const copy = Object.assign(Object.create(Object.getPrototypeOf(node) as object) as N, node);
  switch (copy.kind) {
    case 'instance':
      copy.slots = copy.slots.slice();
      if (copy.keys !== NO_KEYS) copy.keys = new Map(copy.keys);
      break;
    case 'object':
      copy.keys = new Map(copy.keys);
      break;
    case 'array':
      copy.elements = copy.elements.slice();
      break;
    case 'map':
      copy.entries = new Map(copy.entries);
      break;
    case 'set':
      copy.members = new Set(copy.members);
      break;
    default:
  }
  return copy;
}

/** Calls back for every node that this one refers to, in the order of the wire. */
export function eachChild(node: GraphNode, visit: (child: GraphNode) => void): void {
  switch (node.kind) {
    case 'instance':
      for (const value of node.slots) if (isNode(value)) visit(value);
      for (const value of node.keys.values()) if (isNode(value)) visit(value);
      return;
    case 'object':
      for (const value of node.keys.values()) if (isNode(value)) visit(value);
      return;
    case 'array':
      for (const value of node.elements) if (isNode(value)) visit(value);
      return;
    case 'map':
      for (const [key, value] of node.entries) {
        if (isNode(key)) visit(key);
        if (isNode(value)) visit(value);
      }
      return;
    case 'set':
      for (const value of node.members) if (isNode(value)) visit(value);
      return;
    case 'view':
      if (node.buffer !== undefined) visit(node.buffer);
      return;
    default:
  }
}
