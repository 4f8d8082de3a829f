/**
 * Writes the operations of a delta, and the content of nodes for both forms, by `wire/format.ts`.
 *
 * Invariant: nodes are introduced in the order of their ids from `base` up, so their ids need not be written. The caller changes
 * the graph first and then writes what it did.
 */
import { FIXINSTANCE_COUNT, Op, Tag } from '../wire/format.js';
import { writeNumber, writePrimitive, writeText } from '../wire/value.js';
import { ByteWriter } from '../wire/writer.js';
import type { Hunk } from './draft.js';
import { Layouts } from './layout.js';
import {
  HOLE,
  isNode,
  type BytesNode,
  type ContainerNode,
  type DateNode,
  type GraphNode,
  type InstanceNode,
  type RegExpNode,
} from './node.js';
import type { Stored, UrlNode } from './node.js';
import type { Patch } from './operation.js';

/** Up to this an array of bytes costs no memory of its own, and so next to nothing; most deltas are no longer. */
const SMALL_BYTES = 64;

/** Writes a reference to a node, or the node itself where it comes first. */
export type WriteNode = (writer: ByteWriter, node: GraphNode) => void;

export class OperationWriter {
  #base: number;
  readonly #schema = new ByteWriter(16);
  readonly #body = new ByteWriter(SMALL_BYTES);
  readonly #layouts = new Layouts();
  #context = 0;
  #introduced = 0;
  /** True where a node was written, as new or by reference. */
  namesNodes = false;

  /** @param base the graph's `nextId` before the delta */
  constructor(base: number) {
    this.#base = base;
  }

  readonly #node: WriteNode = (writer, node) => {
    this.namesNodes = true;
    const index = node.id - this.#base;
    if (index === this.#introduced) {
      this.#introduced++;
      writeNew(writer, node);
    } else if (index >= 0) {
      writer.u8(Tag.newRef);
      writer.varint(index);
    } else {
      writer.u8(Tag.ref);
      writer.varint(node.id);
    }
  };

  /** Begins another delta. */
  restart(base: number): void {
    this.#schema.reset();
    this.#body.reset();
    this.#layouts.clear();
    this.#base = base;
    this.#context = this.#introduced = 0;
    this.namesNodes = false;
  }

  /** The delta, or null where nothing was written. */
  finish(): Uint8Array | null {
    if (this.#schema.length + this.#body.length === 0) return null;
    if (this.#schema.length > 0) {
      this.#schema.raw(this.#body.view());
      return this.#schema.finish();
    }
    return this.#body.finish();
  }

  get lengthBytes(): number {
    return this.#schema.length + this.#body.length;
  }

  shape(name: string, attributes: readonly string[]): void {
    this.#schema.u8(Op.shapeNew);
    writeText(this.#schema, name);
    writeTexts(this.#schema, attributes);
  }

  extend(shape: number, attributes: readonly string[]): void {
    this.#schema.u8(Op.shapeExtend);
    this.#schema.varint(shape);
    writeTexts(this.#schema, attributes);
  }

  fingerprint(fingerprint: string): void {
    this.#schema.u8(Op.fingerprint);
    writeText(this.#schema, fingerprint);
  }

  slot(node: GraphNode, slot: number, value: Stored): void {
    this.#at(node);
    writeSlot(this.#body, slot);
    this.#value(value);
  }

  key(node: GraphNode, key: string, value: Stored): void {
    this.#at(node);
    this.#body.u8(Op.keySet);
    writeText(this.#body, key);
    this.#value(value);
  }

  keyDelete(node: GraphNode, key: string): void {
    this.#at(node);
    this.#body.u8(Op.keyDelete);
    writeText(this.#body, key);
  }

  index(node: GraphNode, index: number, value: Stored): void {
    this.#at(node);
    this.#body.u8(Op.index);
    this.#body.varint(index);
    this.#value(value);
  }

  edit(node: GraphNode, hunks: readonly Hunk[]): void {
    this.#at(node);
    writeEdit(this.#body, hunks.length);
    for (const { kept, removed, inserted } of hunks) {
      this.#body.varint(kept);
      this.#body.varint(removed);
      writeList(this.#body, inserted, this.#node);
    }
  }

  entry(node: GraphNode, key: Stored, value: Stored): void {
    this.#at(node);
    this.#body.u8(Op.mapSet);
    this.#value(key);
    this.#value(value);
  }

  entryDelete(node: GraphNode, key: Stored): void {
    this.#at(node);
    this.#body.u8(Op.mapDelete);
    this.#value(key);
  }

  member(node: GraphNode, member: Stored): void {
    this.#at(node);
    this.#body.u8(Op.setAdd);
    this.#value(member);
  }

  memberDelete(node: GraphNode, member: Stored): void {
    this.#at(node);
    this.#body.u8(Op.setDelete);
    this.#value(member);
  }

  clear(node: GraphNode): void {
    this.#at(node);
    this.#body.u8(Op.clear);
  }

  time(node: DateNode): void {
    this.#at(node);
    this.#body.u8(Op.date);
    this.#body.f64(node.time);
  }

  regexp(node: RegExpNode): void {
    this.#at(node);
    this.#body.u8(Op.regexp);
    writeRegExp(this.#body, node);
  }

  href(node: UrlNode): void {
    this.#at(node);
    this.#body.u8(Op.url);
    writeText(this.#body, node.href);
  }

  bytes(node: BytesNode): void {
    this.#at(node);
    this.#body.u8(Op.bytes);
    this.#body.bytes(node.bytes);
  }

  patch(node: BytesNode, patches: readonly Patch[]): void {
    this.#at(node);
    this.#body.u8(Op.patch);
    this.#body.varint(patches.length);
    for (const { kept, removed, inserted } of patches) {
      this.#body.varint(kept);
      this.#body.varint(removed);
      this.#body.bytes(inserted);
    }
  }

  /** Gives the content of the next waiting new node, which must be this one. */
  fill(node: ContainerNode): void {
    this.#context = node.id;
    writeFill(this.#body, node, this.#layouts, this.#node);
  }

  #at(node: GraphNode): void {
    if (node.id === this.#context) return;
    this.#context = node.id;
    this.#body.u8(Op.switch);
    this.#body.varint(node.id);
  }

  #value(value: Stored): void {
    writeValue(this.#body, value, this.#node);
  }
}

/** Begins the operation that gives a slot a value. */
export function writeSlot(writer: ByteWriter, slot: number): void {
  if (slot <= Op.slotMax) return writer.u8(slot);
  writer.u8(Op.slot);
  writer.varint(slot);
}

/** Begins the operation that edits an array at so many places. */
export function writeEdit(writer: ByteWriter, hunks: number): void {
  if (hunks === 1) return writer.u8(Op.splice);
  writer.u8(Op.edit);
  writer.varint(hunks);
}

/** Writes the keys of a plain object, by their layout where it has one that came earlier. */
export function writeKeyList(
  writer: ByteWriter,
  keys: { readonly size: number; keys(): Iterable<string> },
  layouts: Layouts,
): void {
  const number = layouts.numberOf(keys);
  if (number >= 0) return writer.varint(number * 2 + 1);
  writer.varint(keys.size * 2);
  for (const key of keys.keys()) writeText(writer, key);
}

export function writeTexts(writer: ByteWriter, texts: readonly string[]): void {
  writer.varint(texts.length);
  for (const text of texts) writeText(writer, text);
}

function writeValue(writer: ByteWriter, value: Stored, writeNode: WriteNode): void {
  if (isNode(value)) writeNode(writer, value);
  else if (value === HOLE) writer.u8(Tag.hole);
  else writePrimitive(writer, value);
}

function writeList(writer: ByteWriter, values: readonly Stored[], writeNode: WriteNode): void {
  writer.varint(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value !== HOLE || values[i + 1] !== HOLE) {
      writeValue(writer, value, writeNode);
      continue;
    }
    let end = i + 2;
    while (values[end] === HOLE) end++;
    writer.u8(Tag.holes);
    writer.varint(end - i);
    i = end - 1;
  }
}

/** Writes the FILL of a container, with the keys of an open class behind it. */
function writeFill(writer: ByteWriter, node: ContainerNode, layouts: Layouts, writeNode: WriteNode): void {
  writer.u8(Op.fill);
  switch (node.kind) {
    case 'instance':
      writeList(writer, slotsOf(node), writeNode);
      for (const [key, value] of node.keys) {
        writer.u8(Op.keySet);
        writeText(writer, key);
        writeValue(writer, value, writeNode);
      }
      return;
    case 'object':
      writeKeyList(writer, node.keys, layouts);
      for (const value of node.keys.values()) writeValue(writer, value, writeNode);
      return;
    case 'array':
      return writeList(writer, node.elements, writeNode);
    case 'map':
      writer.varint(node.entries.size);
      for (const [key, value] of node.entries) {
        writeValue(writer, key, writeNode);
        writeValue(writer, value, writeNode);
      }
      return;
    case 'set':
      writer.varint(node.members.size);
      for (const member of node.members) writeValue(writer, member, writeNode);
      return;
    case 'view':
      writeValue(writer, node.buffer, writeNode);
      writer.varint(node.offsetBytes);
      writer.varint(node.length);
  }
}

function slotsOf(node: InstanceNode): Stored[] {
  return Array.from({ length: node.slotCount }, (_, slot) => node.get(slot));
}

/** Writes the tag of a new node and, for a leaf, its content. */
export function writeNew(writer: ByteWriter, node: GraphNode): void {
  switch (node.kind) {
    case 'instance':
      if (node.shape < FIXINSTANCE_COUNT) return writer.u8(Tag.fixinstance + node.shape);
      writer.u8(Tag.instance);
      return writer.varint(node.shape);
    case 'object':
      return writer.u8(node.nullPrototype ? Tag.nullObject : Tag.object);
    case 'array':
      return writer.u8(Tag.array);
    case 'map':
      return writer.u8(Tag.map);
    case 'set':
      return writer.u8(Tag.set);
    case 'view':
      writer.u8(Tag.view);
      return writer.u8(node.view);
    case 'date':
      writer.u8(Tag.date);
      return writer.f64(node.time);
    case 'regexp':
      writer.u8(Tag.regexp);
      return writeRegExp(writer, node);
    case 'url':
      writer.u8(Tag.url);
      return writeText(writer, node.href);
    case 'buffer':
      writer.u8(Tag.buffer);
      return writer.bytes(node.bytes);
    case 'arrayBuffer':
      writer.u8(Tag.arrayBuffer);
      return writer.bytes(node.bytes);
    case 'blob':
      writer.u8(Tag.blob);
      writer.u8(node.coded ? 0 : 1);
      return writer.bytes(node.bytes);
  }
}

function writeRegExp(writer: ByteWriter, node: RegExpNode): void {
  writeText(writer, node.pattern);
  writeText(writer, node.flags);
  writeNumber(writer, node.lastIndex);
}
