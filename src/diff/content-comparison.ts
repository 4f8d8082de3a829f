/**
 * Compares the content of one live object with its node, kind by kind.
 *
 * Invariant: afterwards the node's content is the object's. A node that is new is filled without writing, because its content is
 * written as a whole afterwards; for a node that is not, each difference is written as it is made.
 */
import { copyBytes } from '../shared/bytes.js';
import type { AttributeModel } from '../model/session-model.js';
import { ArrayComparison } from './array-comparison.js';
import { readAttribute } from '../model/attribute-access.js';
import { diffBytes } from './byte-patch.js';
import type { ComparisonPass } from './comparison-pass.js';
import { isIndexKey, planKeys } from './key-order.js';
import { loosen, ShapedObject } from './laid-out-node.js';
import { unsupported } from './live-kind.js';
import {
  BytesNode,
  HOLE,
  isNode,
  type ArrayNode,
  type GraphNode,
  type InstanceNode,
  type KeyedNode,
  type MapNode,
} from './node.js';
import type { SetNode, Stored, ViewNode } from './node.js';
import type { Patch } from './operation.js';
import type { OrderedMap } from './ordered-entries.js';
import { liveBytes, viewLength } from './likeness.js';
import { strategyOf } from './strategy.js';

export function compareContent(pass: ComparisonPass, node: GraphNode, isNew: boolean): void {
  const live = node.source!;
  switch (node.kind) {
    case 'instance':
      return compareInstance(pass, node, live, isNew);
    case 'object':
      return compareKeys(pass, node, live as Record<string, unknown>, Object.keys(live), isNew);
    case 'array':
      return isNew ? fillArray(pass, node, live as unknown[]) : compareArray(pass, node, live as unknown[]);
    case 'map':
      return compareMap(pass, node, live as Map<unknown, unknown>, isNew);
    case 'set':
      return compareSet(pass, node, live as Set<unknown>, isNew);
    case 'view':
      if (isNew) fillView(pass, node, live as ArrayBufferView);
      return;
    case 'date': {
      const time = (live as Date).getTime();
      if (Object.is(time, node.time)) return;
      pass.draft.setTime(node, time);
      return pass.writer.time(node);
    }
    case 'regexp': {
      const { source, flags, lastIndex } = live as RegExp;
      if (typeof lastIndex !== 'number') throw unsupported(lastIndex, pass.pathOf(live));
      if (source === node.pattern && flags === node.flags && Object.is(lastIndex, node.lastIndex)) return;
      pass.draft.setRegExp(node, source, flags, lastIndex);
      return pass.writer.regexp(node);
    }
    case 'url': {
      const { href } = live as URL;
      if (href === node.href) return;
      pass.draft.setHref(node, href);
      return pass.writer.href(node);
    }
    case 'buffer':
    case 'arrayBuffer':
      return compareBytes(pass, node, liveBytes(live as Buffer | ArrayBuffer));
    case 'blob':
  }
}

function compareInstance(pass: ComparisonPass, node: InstanceNode, live: object, isNew: boolean): void {
  const { of, properties, slots } = pass.binding.ofShape(node.shape)!;
  for (const attribute of of.attributes) {
    const slot = slots[attribute.index]!;
    const stored = slot < 0 ? HOLE : node.get(slot);
    // an immutable attribute is taken once: with the object, or with the first model that declares it
    if (!attribute.mutable && stored !== HOLE) continue;
    const value = readAttribute(attribute, live);
    if (isNew) {
      node.set(slot, resolveAttribute(pass, node, attribute, value, HOLE));
      continue;
    }
    if (value === undefined && stored === HOLE) continue;
    const now = resolveAttribute(pass, node, attribute, value, stored);
    if (Object.is(now, stored)) continue;
    let place = slot;
    if (slot < 0) {
      // a new object of the same class may have extended the shape in the meantime
      const isExtended = pass.binding.ofShape(node.shape)!.slots[attribute.index]! >= 0;
      if (!isExtended) pass.extendShape(node.shape, [attribute.wireName]);
      place = pass.binding.ofShape(node.shape)!.slots[attribute.index]!;
    }
    pass.draft.setSlot(node, place, now);
    pass.writer.slot(node, place, now);
  }
  if (!of.open) return;
  const keys = Object.keys(live).filter((key) => !properties.has(key));
  compareKeys(pass, node, live as Record<string, unknown>, keys, isNew);
}

function resolveAttribute(
  pass: ComparisonPass,
  holder: InstanceNode,
  attribute: AttributeModel,
  value: unknown,
  stored: Stored,
): Stored {
  const { codec } = attribute;
  const opaque = codec !== undefined ? value !== undefined && value !== null : isOpaque(attribute, value) && pass.binding.blobs;
  if (opaque === false || opaque === undefined) {
    const now = pass.resolve(value, stored);
    // the first that has one, so that it matters neither which attributes are compared nor in which order
    if (isNode(now) && now.kind === 'array') now.key ??= attribute.key;
    return now;
  }
  const { blobs, model } = pass.binding;
  const bytes = codec === undefined ? blobs!.encode(value, model, (live) => pass.pathOf(live)) : checkBytes(codec.encode(value));
  if (isNode(stored) && stored.kind === 'blob' && stored.coded === (codec !== undefined)) {
    pass.visitBlob(stored);
    stored.holder = holder;
    compareBytes(pass, stored, bytes);
    return stored;
  }
  const { draft } = pass;
  // an encoder may give out its own memory, or the value's
  const node = draft.add(
    new BytesNode(draft.table.nextId, 'blob', codec === undefined ? bytes : copyBytes(bytes), codec !== undefined),
  );
  node.holder = holder;
  pass.visitBlob(node);
  return node;
}

function checkBytes(bytes: unknown): Uint8Array {
  if (!(bytes instanceof Uint8Array)) throw new TypeError('the codec of an attribute must encode to a Uint8Array');
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function isOpaque(attribute: AttributeModel, value: unknown): boolean {
  return (
    strategyOf(attribute).strategy === 'binary' && ((typeof value === 'object' && value !== null) || typeof value === 'string')
  );
}

/** @param now not kept: the application may write to it later */
function compareBytes(pass: ComparisonPass, node: BytesNode, now: Uint8Array): void {
  const { draft, writer } = pass;
  const patches = diffBytes(node.bytes, now);
  if (patches === undefined) {
    draft.setBytes(node, copyBytes(now));
    writer.bytes(node);
  } else if (patches.length > 0) {
    if (node.bytes.byteLength === now.byteLength && patches.every(keepsLength)) draft.patchBytes(node, patches);
    else draft.setBytes(node, copyBytes(now));
    writer.patch(node, patches);
  }
}

function keepsLength({ removed, inserted }: Patch): boolean {
  return removed === inserted.byteLength;
}

function compareKeys(
  pass: ComparisonPass,
  node: KeyedNode,
  live: Readonly<Record<string, unknown>>,
  keys: string[],
  isNew: boolean,
): void {
  pass.limit('elementsMax', keys.length, live, 'an object');
  if (isNew) {
    if (keys.length === 0) return;
    const held = loosen(node);
    for (const key of keys) held.set(key, pass.resolve(live[key], undefined));
    return;
  }
  const { draft, writer } = pass;
  // of a shaped object this is a copy already
  const old = node instanceof ShapedObject ? node.keys : node.keys.copy();
  const plan = planKeys(old, keys, isIndexKey);
  if (plan !== undefined) {
    if (plan.clear && node.kind === 'object' && plan.deleted.size > 1) {
      draft.clear(node);
      writer.clear(node);
    } else {
      for (const key of plan.deleted) {
        draft.deleteKey(node, key);
        writer.keyDelete(node, key);
      }
    }
  }
  if (plan === undefined) return compareValues(pass, node, old, live);
  for (const key of keys) {
    const stored = old.get(key);
    const now = pass.resolve(live[key], stored);
    if (Object.is(stored, now) && old.has(key) && !plan.deleted.has(key)) continue;
    draft.setKey(node, key, now);
    writer.key(node, key, now);
  }
}

/** The keys and their order are the same, so no key has to be looked up. */
function compareValues(
  pass: ComparisonPass,
  node: KeyedNode,
  old: OrderedMap<string, Stored>,
  live: Readonly<Record<string, unknown>>,
): void {
  const { names, entryValues } = old;
  for (let i = 0; i < names.length; i++) {
    const key = names[i]!;
    const stored = entryValues[i];
    const now = pass.resolve(live[key], stored);
    if (Object.is(stored, now)) continue;
    pass.draft.setKey(node, key, now);
    pass.writer.key(node, key, now);
  }
}

function fillArray(pass: ComparisonPass, node: ArrayNode, live: readonly unknown[]): void {
  pass.limit('elementsMax', live.length, live, 'an array');
  let holes = 0;
  for (let i = 0; i < live.length; i++) {
    const value = live[i];
    if (value === undefined && !Object.hasOwn(live, i)) {
      node.elements.push(HOLE);
      holes++;
    } else node.elements.push(pass.resolve(value, undefined));
  }
  pass.countHoles(holes, live);
}

function compareArray(pass: ComparisonPass, node: ArrayNode, live: readonly unknown[]): void {
  new ArrayComparison(pass, node, live).run();
  let holes = 0;
  for (const value of node.elements) if (value === HOLE) holes++;
  pass.countHoles(holes, live);
}

function compareMap(pass: ComparisonPass, node: MapNode, live: ReadonlyMap<unknown, unknown>, isNew: boolean): void {
  pass.limit('elementsMax', live.size, live, 'a Map');
  if (isNew) {
    for (const [key, value] of live) {
      const name = pass.resolve(key, undefined);
      node.entries.set(name, pass.resolve(value, undefined));
    }
    return;
  }
  const { draft, writer } = pass;
  let old = node.entries;
  const plan = planKeys<unknown>(
    old,
    Array.from(live.keys(), (key) => nameOf(pass, key)),
  );
  if (plan !== undefined) {
    old = old.copy();
    if (plan.clear && plan.deleted.size > 1) {
      draft.clear(node);
      writer.clear(node);
    } else {
      for (const key of plan.deleted as ReadonlySet<Stored>) {
        draft.deleteEntry(node, key);
        writer.entryDelete(node, key);
      }
    }
  }
  for (const [key, value] of live) {
    const name = pass.resolve(key, undefined);
    const now = pass.resolve(value, old.get(name));
    if (node.entries.has(name) && Object.is(node.entries.get(name), now)) continue;
    draft.setEntry(node, name, now);
    writer.entry(node, name, now);
  }
}

function compareSet(pass: ComparisonPass, node: SetNode, live: ReadonlySet<unknown>, isNew: boolean): void {
  pass.limit('elementsMax', live.size, live, 'a Set');
  if (isNew) {
    for (const member of live) node.members.add(pass.resolve(member, undefined));
    return;
  }
  const { draft, writer } = pass;
  const plan = planKeys<unknown>(
    node.members,
    Array.from(live, (member) => nameOf(pass, member)),
  );
  if (plan === undefined) return;
  if (plan.clear && plan.deleted.size > 1) {
    draft.clear(node);
    writer.clear(node);
  } else {
    for (const member of plan.deleted as ReadonlySet<Stored>) {
      draft.deleteMember(node, member);
      writer.memberDelete(node, member);
    }
  }
  for (const member of live) {
    const name = pass.resolve(member, undefined);
    if (node.members.has(name)) continue;
    draft.addMember(node, name);
    writer.member(node, name);
  }
}

/** The key as the graph knows it; an object that it does not know names itself. */
function nameOf(pass: ComparisonPass, key: unknown): unknown {
  return typeof key === 'object' && key !== null ? (pass.known(key) ?? key) : key;
}

function fillView(pass: ComparisonPass, node: ViewNode, live: ArrayBufferView): void {
  const buffer = pass.resolve(live.buffer, undefined);
  node.buffer = buffer as BytesNode;
  node.offsetBytes = live.byteOffset;
  node.length = viewLength(live);
}
