/**
 * Scans Maps, Sets and objects that are used as dictionaries.
 *
 * Invariant: as `findings.ts`. Objects below are met in the order in which a comparison meets them: in a Map all keys before the
 * values.
 */
import { findings, HARD, isPrimitive, LEVELS, SAME, SIMPLE, STRUCTURAL, type Change } from './findings.js';
import { isIndexKey } from './key-order.js';
import type { DictionaryNode, MapNode, NodeBase, SetNode, Stored } from './node.js';
import type { OrderedMap } from './ordered-entries.js';

export function scanDictionary(node: DictionaryNode, live: Readonly<Record<string, unknown>>, depth: number): void {
  if (depth % LEVELS === 0 && findings.defer(node, depth)) return;
  const start = findings.count;
  if (Object.getPrototypeOf(live) !== (node.nullPrototype ? null : Object.prototype)) findings.broken = true;
  const change = scanKeys(node.entries, live, depth, undefined);
  if (change !== SAME) findings.report(node, depth, change, start);
}

/** @param skipped keys of the live object that are looked at elsewhere */
export function scanKeys(
  keys: OrderedMap<string, Stored>,
  live: Readonly<Record<string, unknown>>,
  depth: number,
  skipped: ReadonlySet<string> | undefined,
): Change {
  const { names, values } = liveOrder(keys);
  let count = 0;
  let change: Change = SAME;
  for (const key in live) {
    if (skipped?.has(key) === true) continue;
    if (key !== names[count]) return STRUCTURAL;
    const value = live[key];
    const stored = values[count++];
    if (isNodeOf(stored, value)) {
      if (!stored.shared) stored.compare(value, depth + 1);
    } else if (!Object.is(value, stored)) {
      if (findings.judge(value, stored) === STRUCTURAL) return STRUCTURAL;
      change = HARD;
    }
  }
  return count === names.length ? change : STRUCTURAL;
}

/** As a live object has its keys: those that are indices come first, in numeric order. */
export function liveOrder(keys: OrderedMap<string, Stored>): {
  readonly names: readonly string[];
  readonly values: readonly unknown[];
} {
  const { names, entryValues } = keys;
  if (!keys.someName(isIndexName)) return { names, values: entryValues };
  const indices = names.filter(isIndexKey).toSorted((a, b) => Number(a) - Number(b));
  const ordered = [...indices, ...names.filter((name) => !isIndexKey(name))];
  return { names: ordered, values: ordered.map((name) => keys.get(name)) };
}

export function scanMap(node: MapNode, live: ReadonlyMap<unknown, unknown>, depth: number): void {
  if (depth % LEVELS === 0 && findings.defer(node, depth)) return;
  const start = findings.count;
  if (Object.getPrototypeOf(live) !== Map.prototype) findings.broken = true;
  const { names, entryValues: values } = node.entries;
  const end = names.length;
  if (live.size < end) return findings.report(node, depth, STRUCTURAL, start);
  if (node.entries.someName(isObject) && !scanNames(names, live, depth)) return findings.report(node, depth, STRUCTURAL, start);
  let count = 0;
  let change: Change = SAME;
  for (const [key, value] of live) {
    if (count === end) {
      if (live.size > findings.binding!.limits.elementsMax) findings.broken = true;
      if (!growsFlat(live, end)) return findings.report(node, depth, STRUCTURAL, start);
      change = SIMPLE;
      break;
    }
    const name = names[count];
    if (key !== name && !Object.is(key, name) && !isNodeOf(name, key)) return findings.report(node, depth, STRUCTURAL, start);
    const stored = values[count++];
    if (isNodeOf(stored, value)) {
      if (!stored.shared) stored.compare(value, depth + 1);
    } else if (!Object.is(value, stored)) {
      if (findings.judge(value, stored) === STRUCTURAL) return findings.report(node, depth, STRUCTURAL, start);
      change = SIMPLE;
    }
  }
  if (change !== SAME) findings.report(node, depth, change, start);
}

/** Looks at what stands in the place of keys; false where other objects stand there. */
function scanNames(names: readonly unknown[], live: ReadonlyMap<unknown, unknown>, depth: number): boolean {
  let count = 0;
  for (const key of live.keys()) {
    const name = names[count++];
    if (count > names.length) return true;
    if (!isObject(name)) continue;
    if (!isNodeOf(name, key)) return false;
    if (!name.shared) name.compare(key, depth + 1);
  }
  return true;
}

/** True where what came behind the old end holds no objects. */
function growsFlat(live: ReadonlyMap<unknown, unknown>, end: number): boolean {
  let count = 0;
  for (const [key, value] of live) if (count++ >= end && !(isPrimitive(key) && isPrimitive(value))) return false;
  return true;
}

export function scanSet(node: SetNode, live: ReadonlySet<unknown>, depth: number): void {
  if (depth % LEVELS === 0 && findings.defer(node, depth)) return;
  const start = findings.count;
  if (Object.getPrototypeOf(live) !== Set.prototype) findings.broken = true;
  const { names } = node.members;
  if (names.length !== live.size) return findings.report(node, depth, STRUCTURAL, start);
  let count = 0;
  for (const member of live) {
    const stored = names[count++];
    if (member === stored) continue;
    if (isNodeOf(stored, member)) {
      if (!stored.shared) stored.compare(member, depth + 1);
    } else if (!Object.is(member, stored)) return findings.report(node, depth, STRUCTURAL, start);
  }
}

function isIndexName(name: unknown): boolean {
  return isIndexKey(name as string);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function isNodeOf(stored: unknown, live: unknown): stored is NodeBase {
  return typeof stored === 'object' && stored !== null && (stored as NodeBase).source === live;
}
