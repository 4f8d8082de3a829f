/**
 * One transaction on a node table: every change of a graph goes through a draft, whoever makes it.
 *
 * Invariant: until the draft is dropped, `rollback` puts the table back as it was, sources included. The comparing side and the
 * applying side change their graphs by the same methods in the same order; that is why they stay equal.
 */
import { copyBytes } from '../shared/bytes.js';
import { loosen } from './laid-out-node.js';
import { copyNode, putBack } from './node-copy.js';
import {
  eachChild,
  isNode,
  ownKeys,
  type ArrayNode,
  type BytesNode,
  type DateNode,
  type GraphNode,
  type InstanceNode,
} from './node.js';
import type { KeyedNode, MapNode, RegExpNode, SetNode, Stored, UrlNode } from './node.js';
import type { NodeTable } from './node-table.js';
import type { Patch } from './operation.js';
import type { Schema } from './schema.js';

/** A part of an array that is replaced; counted from the end of the hunk before. */
export interface Hunk {
  readonly kept: number;
  readonly removed: number;
  readonly inserted: readonly Stored[];
}

export class Draft {
  readonly table: NodeTable;
  /** The first id of this draft's own nodes. */
  readonly base: number;
  /** Every older node that was changed, as it was. */
  readonly before = new Map<GraphNode, GraphNode>();
  readonly created: GraphNode[] = [];
  readonly #schema: Schema;
  readonly #garbage: boolean;
  readonly #nextId: number;
  readonly #replaced: [bytes: Uint8Array, at: number, old: Uint8Array][] = [];
  readonly #sources: [node: GraphNode, source: object | undefined][] = [];
  /** The nodes to which references came or went, but for those in new nodes. */
  readonly #edges = new Map<GraphNode, Edges>();

  /** @param base the id of the first new node; below `nextId` where room was made for it by `Graph.shiftIds` */
  constructor(table: NodeTable, base = table.nextId) {
    this.table = table;
    this.base = base;
    this.#nextId = table.nextId;
    this.#schema = table.schema;
    this.#garbage = table.garbage;
  }

  /** Takes a node that was made for it into the table. */
  add<N extends GraphNode>(node: N): N {
    this.table.add(node);
    this.created.push(node);
    return node;
  }

  setSlot(node: InstanceNode, slot: number, value: Stored): void {
    this.#touch(node);
    this.#replaces(node, node.get(slot), value);
    node.set(slot, value);
  }

  setKey(node: KeyedNode, key: string, value: Stored): void {
    this.#touch(node);
    const { keys } = node;
    const isThere = keys.has(key);
    this.#replaces(node, isThere ? keys.get(key) : undefined, value);
    if (node.kind === 'instance') ownKeys(node).set(key, value);
    else if (isThere) node.setValue(key, value);
    else loosen(node).set(key, value);
  }

  deleteKey(node: KeyedNode, key: string): void {
    this.#touch(node);
    const keys = loosen(node);
    this.#leaves(node, keys.get(key));
    keys.delete(key);
  }

  setIndex(node: ArrayNode, index: number, value: Stored): void {
    this.#touch(node);
    this.#replaces(node, node.elements[index], value);
    node.elements[index] = value;
  }

  /** Replaces parts of an array; the hunks lie within it. */
  edit(node: ArrayNode, hunks: readonly Hunk[]): void {
    this.#touch(node);
    const old = node.elements;
    const elements: Stored[] = [];
    let at = 0;
    for (const { kept, removed, inserted } of hunks) {
      for (const end = at + kept; at < end; at++) elements.push(old[at]);
      for (const end = at + removed; at < end; at++) this.#leaves(node, old[at]);
      for (const value of inserted) {
        this.#comes(node, value);
        elements.push(value);
      }
    }
    for (; at < old.length; at++) elements.push(old[at]);
    node.elements = elements;
  }

  setEntry(node: MapNode, key: Stored, value: Stored): void {
    this.#touch(node);
    const { entries } = node;
    if (!entries.has(key)) this.#comes(node, key);
    this.#replaces(node, entries.get(key), value);
    entries.set(key, value);
  }

  deleteEntry(node: MapNode, key: Stored): void {
    this.#touch(node);
    if (!node.entries.has(key)) return;
    this.#leaves(node, key);
    this.#leaves(node, node.entries.get(key));
    node.entries.delete(key);
  }

  addMember(node: SetNode, member: Stored): void {
    this.#touch(node);
    if (!node.members.has(member)) this.#comes(node, member);
    node.members.add(member);
  }

  deleteMember(node: SetNode, member: Stored): void {
    this.#touch(node);
    if (node.members.delete(member)) this.#leaves(node, member);
  }

  clear(node: KeyedNode | MapNode | SetNode): void {
    this.#touch(node);
    this.table.garbage = true;
    if (node.kind === 'map') {
      eachChild(node, (child) => this.#leaves(node, child));
      node.entries.clear();
    } else if (node.kind === 'set') {
      eachChild(node, (child) => this.#leaves(node, child));
      node.members.clear();
    } else {
      for (const value of node.keys.entryValues) this.#leaves(node, value);
      loosen(node).clear();
    }
  }

  setTime(node: DateNode, time: number): void {
    this.#touch(node);
    node.time = time;
  }

  setRegExp(node: RegExpNode, pattern: string, flags: string, lastIndex: number): void {
    this.#touch(node);
    node.pattern = pattern;
    node.flags = flags;
    node.lastIndex = lastIndex;
  }

  setHref(node: UrlNode, href: string): void {
    this.#touch(node);
    node.href = href;
  }

  /**
   * Replaces portions of a node's bytes by others of the same lengths, in place: large buffers are not copied for a few bytes. The
   * node is not among those in `before`, what is replaced is kept instead.
   */
  patchBytes({ bytes }: BytesNode, patches: readonly Patch[]): void {
    let at = 0;
    for (const { kept, inserted } of patches) {
      at += kept;
      const end = at + inserted.byteLength;
      this.#replaced.push([bytes, at, copyBytes(bytes.subarray(at, end))]);
      bytes.set(inserted, at);
      at = end;
    }
  }

  /** @param bytes kept, not copied */
  setBytes(node: BytesNode, bytes: Uint8Array): void {
    this.#touch(node);
    node.bytes = bytes;
  }

  setSchema(schema: Schema): void {
    this.table.schema = schema;
  }

  /** Says which live object a node stands for from now on; for a blob, which value. */
  setSource(node: GraphNode, source: object | undefined): void {
    this.#sources.push([node, node.source]);
    this.table.link(node, source);
  }

  /** True where objects, references or classes came or went, or a node got another live object. */
  get isStructural(): boolean {
    const { table } = this;
    return (
      this.created.length + this.#sources.length + this.#edges.size > 0 ||
      table.garbage !== this.#garbage ||
      table.schema !== this.#schema
    );
  }

  /** True where classes or attributes were added to the schema. */
  get hasNewSchema(): boolean {
    return this.table.schema !== this.#schema;
  }

  /** Puts everything back. */
  rollback(): void {
    for (const [node, source] of this.#sources.toReversed()) this.table.link(node, source);
    for (const node of this.created) this.table.forget(node);
    for (const [node, copy] of this.before) putBack(node, copy);
    for (const [bytes, at, old] of this.#replaced.toReversed()) bytes.set(old, at);
    this.table.schema = this.#schema;
    this.table.nextId = this.#nextId;
    this.table.garbage = this.#garbage;
  }

  /**
   * Drops what nothing refers to any more, where the references that changed tell that by themselves.
   *
   * @returns false, and nothing was dropped, where only a survey can tell who refers to whom
   */
  dropDetached(): boolean {
    const edges = this.#edges;
    for (const node of this.created) eachChild(node, (child) => this.#count(node, child, 1));
    const dropped: GraphNode[] = [];
    for (const [node, { count, holder }] of edges) {
      if (this.#isNew(node)) continue;
      if (node.shared ? count < 0 : count > 0) return false;
      // what went from one object to another may hang on itself now
      if (holder === undefined && !node.shared) return false;
      if (!node.shared && count < 0) dropped.push(node);
    }
    for (const node of this.created) if (edges.get(node)?.count !== 1) return false;
    for (let i = 0; i < dropped.length; i++) {
      let isTree = true;
      eachChild(dropped[i]!, (child) => {
        if (child.shared) isTree = false;
        dropped.push(child);
      });
      if (!isTree) return false;
    }
    for (const node of dropped) this.table.forget(node);
    this.table.garbage = this.#garbage;
    return true;
  }

  #isNew(node: GraphNode): boolean {
    return node.id >= this.base && node.id < this.base + this.created.length;
  }

  #touch(node: GraphNode): void {
    if (!this.#isNew(node) && !this.before.has(node)) this.before.set(node, copyNode(node));
  }

  #replaces(node: GraphNode, old: Stored | undefined, value: Stored): void {
    this.#leaves(node, old);
    this.#comes(node, value);
  }

  #leaves(node: GraphNode, value: Stored | undefined): void {
    if (!isNode(value)) return;
    this.table.garbage = true;
    if (!this.#isNew(node)) this.#count(node, value, -1);
  }

  #comes(node: GraphNode, value: Stored): void {
    if (isNode(value) && !this.#isNew(node)) this.#count(node, value, 1);
  }

  #count(holder: GraphNode, node: GraphNode, change: 1 | -1): void {
    const edges = this.#edges.get(node);
    if (edges === undefined) this.#edges.set(node, { count: change, holder });
    else {
      edges.count += change;
      if (edges.holder !== holder) edges.holder = undefined;
    }
  }
}

/** What became of the references to one node. */
interface Edges {
  /** How many more there are than before. */
  count: number;
  /** Who holds those that came or went, where it is one. */
  holder: GraphNode | undefined;
}
