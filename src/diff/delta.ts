/**
 * What can be said of a delta from its bytes alone: its operations, the slots it touches, the objects it needs; and moving its ids.
 *
 * Invariant: nothing here needs a graph or a class. What a delta does to objects that it makes itself touches no slot.
 */
import { holdLimit, resolveLimits, type Limits } from '../wire/limits.js';
import { Op } from '../wire/format.js';
import { ByteReader } from '../wire/reader.js';
import { ByteWriter } from '../wire/writer.js';
import { isSchemaOp, type Operation } from './operation.js';
import { OperationReader, type IdListener } from './operation-reader.js';
import { slotName, slotOf, type Slot } from './slot.js';

/** @throws {TwinstateError} `BYTES_CORRUPT`, `LIMIT_EXCEEDED` */
export function parseDelta(delta: Uint8Array, limits: Limits = resolveLimits()): Operation[] {
  return read(delta, limits);
}

/** True where the delta adds classes or attributes to the graph's schema: two such deltas from one base do not merge. */
export function hasSchemaChange(delta: Uint8Array): boolean {
  const first = delta[0];
  return first !== undefined && first >= Op.shapeNew && first <= Op.fingerprint;
}

/** The ids of existing nodes that the delta changes or refers to. A delta merges only where all of them can still be reached. */
export function referencedIds(delta: Uint8Array, limits: Limits = resolveLimits()): Set<number> {
  const ids = new Set<number>();
  const operations = read(delta, limits, (id) => ids.add(id));
  if (operations.some((operation) => !isSchemaOp(operation) && operation.target === 0)) ids.add(0);
  return ids;
}

/** The same delta with every reference to a node from `from` up moved by `by`. Its own new nodes carry no ids. */
export function shiftDelta(delta: Uint8Array, from: number, by: number, limits: Limits = resolveLimits()): Uint8Array {
  const writer = new ByteWriter(delta.byteLength + 16);
  let copied = 0;
  read(delta, limits, (id, start, end) => {
    if (id < from) return;
    writer.raw(delta.subarray(copied, start));
    writer.varint(id + by);
    copied = end;
  });
  writer.raw(delta.subarray(copied));
  return writer.finish();
}

/** How many nodes the delta makes: so far apart are the ids of what another delta from the same base makes. */
export function createdCount(delta: Uint8Array): number {
  const reader = new OperationReader(new ByteReader(delta, 'delta'), 'delta', resolveLimits());
  while (reader.next() !== undefined);
  return reader.created;
}

/** The slots of existing nodes that the delta changes, by name. */
export function touchedSlots(delta: Uint8Array, limits: Limits = resolveLimits()): Map<string, Slot> {
  const slots = new Map<string, Slot>();
  for (const operation of read(delta, limits)) {
    if (isSchemaOp(operation) || operation.target < 0) continue;
    const slot = slotOf(operation);
    if (slot !== undefined) slots.set(slotName(slot), slot);
  }
  return slots;
}

function read(delta: Uint8Array, limits: Limits, onId?: IdListener): Operation[] {
  holdLimit(limits, 'deltaBytesMax', delta.byteLength, 'a delta');
  const reader = new OperationReader(new ByteReader(delta, 'delta'), 'delta', limits, onId);
  const operations: Operation[] = [];
  for (let operation = reader.next(); operation !== undefined; operation = reader.next()) operations.push(operation);
  return operations;
}
