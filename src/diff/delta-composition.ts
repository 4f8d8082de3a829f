/**
 * Deltas that follow one another as one delta, and deltas written by hand rather than found by a comparison.
 *
 * Invariant: the composed delta does to a graph what its parts do one after the other, all or nothing, and the nodes that the parts
 * make get the same ids.
 */
import { invariant } from '../shared/invariant.js';
import { resolveLimits } from '../wire/limits.js';
import { Op, Tag } from '../wire/format.js';
import { ByteReader } from '../wire/reader.js';
import { writePrimitive, writeText } from '../wire/value.js';
import { ByteWriter } from '../wire/writer.js';
import { HOLE } from './node.js';
import { Fresh, isSchemaOp, Link, type NodeOp, type WireValue } from './operation.js';
import { OperationReader } from './operation-reader.js';
import { writeEdit, writeSlot } from './operation-writer.js';

/**
 * @param parts each made on the state that those before it lead to
 * @param firstId the next id in the state that the first is made on: references to what the parts make become relative, so that the
 *   whole can be merged again with what others make
 */
export function composeDeltas(parts: readonly Uint8Array[], firstId: number): Uint8Array {
  const schema = new ByteWriter(16);
  const body = new ByteWriter();
  let made = 0;
  for (const part of parts) made += append(part, made, firstId, schema, body);
  schema.raw(body.view());
  return schema.finish();
}

/** @returns how many nodes the part makes */
function append(part: Uint8Array, madeBefore: number, firstId: number, schema: ByteWriter, body: ByteWriter): number {
  const edits: { readonly index: number; readonly from: number; readonly to: number }[] = [];
  const bytes = new ByteReader(part, 'delta');
  const reader = new OperationReader(
    bytes,
    'delta',
    resolveLimits(),
    (id, from, to) => {
      if (id >= firstId && part[from - 1] === Tag.ref) edits.push({ index: id - firstId, from: from - 1, to });
    },
    (index, from, to) => edits.push({ index: index + madeBefore, from: from - 1, to }),
  );
  let copied = 0;
  for (let operation = reader.next(); operation !== undefined; operation = reader.next()) {
    if (isSchemaOp(operation)) copied = bytes.offset;
  }
  schema.raw(part.subarray(0, copied));
  if (body.length > 0) {
    body.u8(Op.switch);
    body.varint(0);
  }
  for (const { index, from, to } of edits) {
    body.raw(part.subarray(copied, from));
    body.u8(Tag.newRef);
    body.varint(index);
    copied = to;
  }
  body.raw(part.subarray(copied));
  return reader.created;
}

/** An operation that makes no node: what it refers to is there. */
export type PlainOp = Extract<
  NodeOp,
  { op: 'slot' | 'keySet' | 'keyDelete' | 'edit' | 'mapSet' | 'mapDelete' | 'setAdd' | 'setDelete' | 'date' | 'bytes' }
>;

/** Writes a delta of operations that make no nodes; `undefined` where there are none. */
export function writeOperations(operations: readonly PlainOp[]): Uint8Array | undefined {
  if (operations.length === 0) return undefined;
  const out = new ByteWriter();
  let context = 0;
  for (const operation of operations) {
    if (operation.target !== context) {
      out.u8(Op.switch);
      out.varint(operation.target);
      context = operation.target;
    }
    writeOperation(out, operation);
  }
  return out.finish();
}

function writeOperation(out: ByteWriter, operation: PlainOp): void {
  switch (operation.op) {
    case 'slot':
      writeSlot(out, operation.slot);
      return writeValue(out, operation.value);
    case 'keySet':
      out.u8(Op.keySet);
      writeText(out, operation.key);
      return writeValue(out, operation.value);
    case 'keyDelete':
      out.u8(Op.keyDelete);
      return writeText(out, operation.key);
    case 'edit':
      writeEdit(out, operation.hunks.length);
      for (const { kept, removed, inserted } of operation.hunks) {
        out.varint(kept);
        out.varint(removed);
        out.varint(inserted.length);
        for (const value of inserted) writeValue(out, value);
      }
      return;
    case 'mapSet':
      out.u8(Op.mapSet);
      writeValue(out, operation.key);
      return writeValue(out, operation.value);
    case 'mapDelete':
      out.u8(Op.mapDelete);
      return writeValue(out, operation.key);
    case 'setAdd':
      out.u8(Op.setAdd);
      return writeValue(out, operation.value);
    case 'setDelete':
      out.u8(Op.setDelete);
      return writeValue(out, operation.value);
    case 'date':
      out.u8(Op.date);
      return out.f64(operation.time);
    case 'bytes':
      out.u8(Op.bytes);
      return out.bytes(operation.bytes);
  }
}

function writeValue(out: ByteWriter, value: WireValue): void {
  invariant(!(value instanceof Fresh), 'an operation that makes no node was given a new one');
  if (value === HOLE) out.u8(Tag.hole);
  else if (value instanceof Link) {
    out.u8(Tag.ref);
    out.varint(value.target);
  } else writePrimitive(out, value);
}
