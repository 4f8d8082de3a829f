/**
 * Writes a whole graph as bytes; `wire/format.ts` specifies them.
 *
 * Invariant: a snapshot holds the nodes that can be reached and nothing else, in breadth-first order, so two graphs that are equal,
 * ids included, give the same bytes. Nothing of the application runs meanwhile, so one buffer serves all snapshots.
 */
import { Op, SNAPSHOT_MAGIC, SNAPSHOT_VERSION, Tag } from '../wire/format.js';
import { writeNumber, writePrimitive, writeText } from '../wire/value.js';
import { ByteWriter } from '../wire/writer.js';
import { Layouts } from './layout.js';
import { HOLE, isContainer, LooseInstance, type ContainerNode, type ContentWriter, type GraphNode, type Stored } from './node.js';
import type { NodeTable } from './node-table.js';
import { writeKeyList, writeNew, writeTexts } from './operation-writer.js';
import type { Schema } from './schema.js';

const SCRATCH_BYTES = 16_384;

let scratch = new ByteWriter(SCRATCH_BYTES);
const heads = new WeakMap<Schema, Uint8Array>();

export function encodeSnapshot(table: NodeTable): Uint8Array {
  // one giant must not be paid for ever after
  if (scratch.length > SCRATCH_BYTES * 64) scratch = new ByteWriter(SCRATCH_BYTES);
  scratch.reset();
  new SnapshotWriter(scratch, table.nextWalk()).write(table);
  return scratch.finish();
}

class SnapshotWriter implements ContentWriter {
  readonly #to: ByteWriter;
  /** Nodes that are marked with it have been introduced. */
  readonly #walk: number;
  readonly #queue: ContainerNode[] = [];
  readonly #layouts = new Layouts();
  #previousId = -1;

  constructor(to: ByteWriter, walk: number) {
    this.#to = to;
    this.#walk = walk;
  }

  write({ schema, nextId, root }: NodeTable): void {
    this.#to.raw(headOf(schema));
    this.#to.varint(nextId);
    this.#node(root);
    const queue = this.#queue;
    for (let i = 0; i < queue.length; i++) {
      this.#to.u8(Op.fill);
      this.#fill(queue[i]!);
    }
  }

  count(count: number): void {
    this.#to.varint(count);
  }

  names(names: readonly string[]): void {
    writeKeyList(this.#to, { size: names.length, keys: () => names }, this.#layouts);
  }

  value(value: Stored): void {
    if (typeof value === 'string') writeText(this.#to, value);
    else if (typeof value === 'number') writeNumber(this.#to, value);
    else if (typeof value === 'object' && value !== null) this.#node(value);
    else if (value === HOLE) this.#to.u8(Tag.hole);
    else writePrimitive(this.#to, value);
  }

  /** Introduces a node, or refers to it. */
  #node(node: GraphNode): void {
    const to = this.#to;
    if (node.mark === this.#walk) {
      to.u8(Tag.ref);
      to.varint(node.id);
      return;
    }
    node.mark = this.#walk;
    if (node.id !== this.#previousId + 1) {
      to.u8(Tag.at);
      to.varint(node.id);
    }
    this.#previousId = node.id;
    writeNew(to, node);
    if (isContainer(node)) this.#queue.push(node);
  }

  #list(values: readonly Stored[]): void {
    const to = this.#to;
    to.varint(values.length);
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (value !== HOLE || values[i + 1] !== HOLE) {
        this.value(value);
        continue;
      }
      let end = i + 2;
      while (values[end] === HOLE) end++;
      to.u8(Tag.holes);
      to.varint(end - i);
      i = end - 1;
    }
  }

  #fill(node: ContainerNode): void {
    const to = this.#to;
    switch (node.kind) {
      case 'instance':
        if (node instanceof LooseInstance) this.#list(node.slots);
        else if (!node.writeTo(this)) this.#list(Array.from({ length: node.slotCount }, (_, slot) => node.get(slot)));
        for (const [key, value] of node.keys) {
          to.u8(Op.keySet);
          writeText(to, key);
          this.value(value);
        }
        return;
      case 'object':
        if (node.writeTo(this)) return;
        writeKeyList(to, node.keys, this.#layouts);
        for (const value of node.keys.values()) this.value(value);
        return;
      case 'array':
        return this.#list(node.elements);
      case 'map':
        to.varint(node.entries.size);
        for (const [key, value] of node.entries) {
          this.value(key);
          this.value(value);
        }
        return;
      case 'set':
        to.varint(node.members.size);
        for (const member of node.members) this.value(member);
        return;
      case 'view':
        this.value(node.buffer);
        to.varint(node.offsetBytes);
        to.varint(node.length);
    }
  }
}

/** The bytes up to the end of the schema section. */
function headOf(schema: Schema): Uint8Array {
  let head = heads.get(schema);
  if (head === undefined) {
    const section = new ByteWriter();
    writeText(section, schema.fingerprint);
    section.varint(schema.shapes.length);
    for (const { name, attributes } of schema.shapes) {
      writeText(section, name);
      writeTexts(section, attributes);
    }
    const writer = new ByteWriter();
    writer.u8(SNAPSHOT_MAGIC & 0xff);
    writer.u8(SNAPSHOT_MAGIC >> 8);
    writer.u8(SNAPSHOT_VERSION);
    writer.bytes(section.view());
    heads.set(schema, (head = writer.finish()));
  }
  return head;
}
