/**
 * One transaction on a node table: every change of a graph goes through a draft, whoever makes it.
 *
 * Invariant: until the draft is dropped, `rollback` puts the table back as it was, sources included. The comparing side and the
 * applying side change their graphs by the same methods in the same order; that is why they stay equal.
 */
import { copyBytes } from '../shared/bytes.js';
import {
  copyNode,
  isNode,
  writableKeys,
  type ArrayNode,
  type BytesNode,
  type DateNode,
  type GraphNode,
  type InstanceNode,
} from './node.js';
import type { KeyedNode, MapNode, RegExpNode, SetNode, Stored, UrlNode } from './node.js';
import type { NodeTable } from './node-table.js';
import { HOLE } from './node.js';
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
    this.table.nodes.set(node.id, node);
    this.table.nextId = Math.max(this.table.nextId, node.id + 1);
    this.created.push(node);
    return node;
  }

  setSlot(node: InstanceNode, slot: number, value: Stored): void {
    this.#touch(node);
    while (node.slots.length < slot) node.slots.push(HOLE);
    this.#leaves(node.slots[slot]);
    node.slots[slot] = value;
  }

  setKey(node: KeyedNode, key: string, value: Stored): void {
    this.#touch(node);
    this.#leaves(node.keys.get(key));
    writableKeys(node).set(key, value);
  }

  deleteKey(node: KeyedNode, key: string): void {
    this.#touch(node);
    this.#leaves(node.keys.get(key));
    node.keys.delete(key);
  }

  setIndex(node: ArrayNode, index: number, value: Stored): void {
    this.#touch(node);
    this.#leaves(node.elements[index]);
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
      for (const end = at + removed; at < end; at++) this.#leaves(old[at]);
      for (const value of inserted) elements.push(value);
    }
    for (; at < old.length; at++) elements.push(old[at]);
    node.elements = elements;
  }

  setEntry(node: MapNode, key: Stored, value: Stored): void {
    this.#touch(node);
    this.#leaves(node.entries.get(key));
    node.entries.set(key, value);
  }

  deleteEntry(node: MapNode, key: Stored): void {
    this.#touch(node);
    this.#leaves(key);
    this.#leaves(node.entries.get(key));
    node.entries.delete(key);
  }

  addMember(node: SetNode, member: Stored): void {
    this.#touch(node);
    node.members.add(member);
  }

  deleteMember(node: SetNode, member: Stored): void {
    this.#touch(node);
    this.#leaves(member);
    node.members.delete(member);
  }

  clear(node: KeyedNode | MapNode | SetNode): void {
    this.#touch(node);
    this.table.garbage = true;
    if (node.kind === 'map') node.entries.clear();
    else if (node.kind === 'set') node.members.clear();
    else node.keys.clear();
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
    this.#link(node, source);
  }

  /** True where objects or classes came, went or got another live object; a reference that was set anew is not seen here. */
  get isStructural(): boolean {
    const { table } = this;
    return this.created.length + this.#sources.length > 0 || table.garbage !== this.#garbage || table.schema !== this.#schema;
  }

  /** Puts everything back. */
  rollback(): void {
    for (const [node, source] of this.#sources.toReversed()) this.#link(node, source);
    for (const node of this.created) this.table.forget(node);
    for (const [node, copy] of this.before) Object.assign(node, copy, { source: node.source, mark: 0 });
    for (const [bytes, at, old] of this.#replaced.toReversed()) bytes.set(old, at);
    this.table.schema = this.#schema;
    this.table.nextId = this.#nextId;
    this.table.garbage = this.#garbage;
  }

  #link(node: GraphNode, source: object | undefined): void {
    const { bySource } = this.table;
    if (node.source !== undefined && bySource.get(node.source) === node) bySource.delete(node.source);
    node.source = source;
    if (source !== undefined && node.kind !== 'blob') bySource.set(source, node);
  }

  #touch(node: GraphNode): void {
    const isNew = node.id >= this.base && node.id < this.base + this.created.length;
    if (!isNew && !this.before.has(node)) this.before.set(node, copyNode(node));
  }

  #leaves(value: Stored | undefined): void {
    if (isNode(value)) this.table.garbage = true;
  }
}
