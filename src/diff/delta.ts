/**
 * What can be said of a delta from its bytes alone: its operations, the slots it touches, the objects it needs; and moving its ids.
 *
 * Invariant: nothing here needs a graph or a class. Slots are named so that two deltas from one base change the same slot exactly
 * if `slotsInCommon` says so; what a delta does to objects that it makes itself touches no slot.
 */
import { holdLimit, resolveLimits, type Limits } from '../wire/limits.js';
import { Op } from '../wire/format.js';
import { ByteReader } from '../wire/reader.js';
import { ByteWriter } from '../wire/writer.js';
import { HOLE } from './node.js';
import { Fresh, isSchemaOp, Link, type NodeOp, type Operation, type WireValue } from './operation.js';
import { OperationReader, type IdListener } from './operation-reader.js';

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

/** The names of the slots of existing nodes that the delta changes. Compare two sets with `slotsInCommon` only. */
export function touchedSlots(delta: Uint8Array, limits: Limits = resolveLimits()): Set<string> {
  const slots = new Set<string>();
  for (const operation of read(delta, limits)) {
    if (isSchemaOp(operation) || operation.target < 0) continue;
    const slot = slotOf(operation);
    if (slot !== undefined) slots.add(`${operation.target}${slot}`);
  }
  return slots;
}

/** The slots that are in both sets; that of a whole container is in common with each one inside it. */
export function slotsInCommon(a: ReadonlySet<string>, b: ReadonlySet<string>): string[] {
  const common = new Set<string>();
  const inOthers = (slots: ReadonlySet<string>, others: ReadonlySet<string>): void => {
    const wholes = new Set([...others].filter((slot) => slot.endsWith(WHOLE)).map((slot) => slot.slice(0, -WHOLE.length)));
    for (const slot of slots) {
      if (others.has(slot) || wholes.has(slot.slice(0, slot.indexOf(':')))) common.add(slot);
    }
  };
  inOthers(a, b);
  inOthers(b, a);
  return [...common];
}

const WHOLE = ':*';

function slotOf(operation: NodeOp): string | undefined {
  switch (operation.op) {
    case 'slot':
      return `:slot ${operation.slot}`;
    case 'keySet':
    case 'keyDelete':
      return `:key ${operation.key} `;
    case 'mapSet':
    case 'mapDelete':
      return memberSlot(operation.key);
    case 'setAdd':
    case 'setDelete':
      return memberSlot(operation.value);
    case 'index':
    case 'edit':
      return ':array';
    case 'clear':
      return WHOLE;
    case 'fill':
      return undefined;
    default:
      return ':content';
  }
}

function memberSlot(value: WireValue): string | undefined {
  if (value instanceof Link) return value.target < 0 ? undefined : `:member #${value.target}`;
  if (value instanceof Fresh || value === HOLE) return undefined;
  // Maps and Sets take -0 for 0, and the space at the end keeps a text from ending like WHOLE
  return `:member ${typeof value} ${String(value)} `;
}

function read(delta: Uint8Array, limits: Limits, onId?: IdListener): Operation[] {
  holdLimit(limits, 'deltaBytesMax', delta.byteLength, 'a delta');
  const reader = new OperationReader(new ByteReader(delta, 'delta'), 'delta', limits, onId);
  const operations: Operation[] = [];
  for (let operation = reader.next(); operation !== undefined; operation = reader.next()) operations.push(operation);
  return operations;
}
