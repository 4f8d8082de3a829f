/**
 * The shadows of objects that need no generated code: collections, open-ended keys, dates and what else has bytes or text inside.
 *
 * Invariant: as `Shadow`. A collection is *flat* while it holds no objects; only then may its members change their number or order
 * without everything being compared.
 */
import { bytesEqual } from '../shared/bytes.js';
import type { Binding } from './binding.js';
import { findings, isPrimitive, LEVELS } from './findings.js';
import { isIndexKey } from './key-order.js';
import { kindOf } from './live-kind.js';
import type { GraphNode, ArrayNode, DateNode, MapNode, ObjectNode, SetNode, Stored } from './node.js';
import { HOLE, isNode } from './node.js';
import { liveBytes, looksLike } from './node-live.js';
import type { OperationWriter } from './operation-writer.js';
import { Shadow, type Place, type Undo } from './shadow.js';

/** True for what is no place: a primitive value, or none at all. */
export function isFlat(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}

function isPlace(value: unknown): value is Place {
  return typeof value === 'object' && value !== null;
}

/** `Shadow.compare` is generated for each place in the model where an array stands. */
export abstract class ArrayShadow extends Shadow {
  elements: readonly unknown[];
  readonly #flat: boolean;

  /** @param elements those of the node itself where they are flat */
  constructor(node: ArrayNode, source: object, elements: readonly unknown[], flat: boolean) {
    super(node, source);
    this.elements = elements;
    this.#flat = flat;
  }

  resized(depth: number): void {
    findings.resized(this, depth, this.#flat);
  }

  /** Judges two elements that are not the same, or are both undefined. */
  agrees(live: readonly unknown[], index: number, stored: unknown): boolean {
    const value = live[index];
    if (value === undefined && (stored === HOLE || stored === undefined)) {
      if (Object.hasOwn(live, index) === (stored !== HOLE)) return true;
    }
    findings.hard = true;
    // a comparison that meets a difference goes on from the array's end
    if (!this.#flat) findings.unordered = true;
    if (!isPrimitive(value)) findings.broken = true;
    // where an element changed, a comparison meets those behind it from the end
    else if (!this.#flat) findings.unordered = true;
    return false;
  }

  refresh(): boolean {
    const { elements } = this.node as ArrayNode;
    if (this.#flat) this.elements = elements;
    else this.elements = this.elements.map((value, i) => (isFlat(value) ? elements[i] : value));
    return true;
  }
}

/** Keys of no fixed shape, in the order in which a live object has them: index keys come first, in numeric order. */
export class KeyTable {
  names: readonly string[];
  values: unknown[];
  readonly #skipped: ReadonlySet<string> | undefined;

  /** @param skipped keys of the live object that are looked at elsewhere */
  constructor(names: readonly string[], values: unknown[], skipped?: ReadonlySet<string>) {
    this.names = names;
    this.values = values;
    this.#skipped = skipped;
  }

  static order(keys: Iterable<string>): string[] {
    const names = [...keys];
    if (!names.some(isIndexKey)) return names;
    const indices = names.filter(isIndexKey).toSorted((a, b) => Number(a) - Number(b));
    return [...indices, ...names.filter((name) => !isIndexKey(name))];
  }

  /** True where nothing changed in the values themselves. */
  agrees(live: Readonly<Record<string, unknown>>, depth: number): boolean {
    const { names, values } = this;
    let count = 0;
    let same = true;
    for (const key in live) {
      if (this.#skipped?.has(key) === true) continue;
      if (key !== names[count]) return this.#moved();
      const value = live[key];
      const stored = values[count++];
      if (isPlace(stored) && stored.source === value) {
        if (stored.owned) stored.compare(value, depth + 1);
      } else if (!Object.is(value, stored) && !findings.agrees(value, stored)) same = false;
    }
    if (count !== names.length) return this.#moved();
    if (!same) findings.hard = true;
    return same;
  }

  #moved(): boolean {
    findings.hard = true;
    if (!this.values.every(isFlat)) findings.broken = true;
    return false;
  }

  refresh(keys: ReadonlyMap<string, Stored>): boolean {
    const names = KeyTable.order(keys.keys());
    if (this.values.every(isFlat)) {
      this.names = names;
      this.values = names.map((name) => keys.get(name));
      return true;
    }
    this.values = this.values.map((value, i) => (isFlat(value) ? keys.get(names[i]!) : value));
    return true;
  }
}

export class KeyedShadow extends Shadow {
  readonly #prototype: object | null;
  readonly #keys: KeyTable;

  constructor(node: ObjectNode, source: object, keys: KeyTable) {
    super(node, source);
    this.#prototype = node.nullPrototype ? null : Object.prototype;
    this.#keys = keys;
  }

  compare(live: Record<string, unknown>, depth: number): void {
    if (depth % LEVELS === 0 && findings.defer(this, depth)) return;
    if (Object.getPrototypeOf(live) !== this.#prototype) findings.broken = true;
    if (!this.#keys.agrees(live, depth)) findings.report(this, depth);
  }

  refresh(): boolean {
    return this.#keys.refresh((this.node as ObjectNode).keys);
  }
}

export class MapShadow extends Shadow {
  #names: unknown[];
  #values: unknown[];

  constructor(node: MapNode, source: object, names: unknown[], values: unknown[]) {
    super(node, source);
    this.#names = names;
    this.#values = values;
  }

  compare(live: ReadonlyMap<unknown, unknown>, depth: number): void {
    if (depth % LEVELS === 0 && findings.defer(this, depth)) return;
    if (Object.getPrototypeOf(live) !== Map.prototype) findings.broken = true;
    const names = this.#names;
    const values = this.#values;
    const end = names.length;
    let count = 0;
    let same = true;
    for (const [key, value] of live) {
      if (count === end) return this.#grown(live, depth);
      const name = names[count];
      if (key !== name && !Object.is(key, name)) {
        if (!isPlace(name) || name.source !== key) return this.#moved(depth);
        // a comparison looks at all keys before it looks at values
        findings.unordered = true;
        if (name.owned) name.compare(key, depth + 1);
      }
      const stored = values[count++];
      if (isPlace(stored) && stored.source === value) {
        if (stored.owned) stored.compare(value, depth + 1);
      } else if (!Object.is(value, stored) && !findings.agrees(value, stored)) same = false;
    }
    if (count !== end) return this.#moved(depth);
    if (!same) findings.report(this, depth);
  }

  /** Everything stands where it stood, and more came behind it. */
  #grown(live: ReadonlyMap<unknown, unknown>, depth: number): void {
    let count = 0;
    for (const [key, value] of live) {
      if (count++ >= this.#names.length && !(isPrimitive(key) && isPrimitive(value))) findings.broken = true;
    }
    if (live.size > findings.elementsMax) findings.broken = true;
    findings.report(this, depth);
  }

  #moved(depth: number): void {
    findings.resized(this, depth, this.#names.every(isFlat) && this.#values.every(isFlat));
  }

  override advance(writer: OperationWriter, undo: Undo): boolean {
    const node = this.node as MapNode;
    const { entries } = node;
    const names = this.#names;
    const values = this.#values;
    const end = names.length;
    let count = 0;
    for (const [key, value] of this.source as Map<Stored, Stored>) {
      const index = count++;
      const stored = values[index];
      if (index < end && (isPlace(stored) || Object.is(value, stored))) continue;
      if (!isPrimitive(key) || !isPrimitive(value)) return false;
      undo.push(this, index, index < end ? stored : HOLE);
      names[index] = key;
      values[index] = value;
      entries.set(key, value);
      writer.entry(node, key, value);
    }
    return count >= end;
  }

  override restore(index: number, old: unknown): void {
    const { entries } = this.node as MapNode;
    const key = this.#names[index] as Stored;
    if (old !== HOLE) {
      this.#values[index] = old;
      entries.set(key, old as Stored);
      return;
    }
    entries.delete(key);
    this.#names.length = this.#values.length = index;
  }

  refresh(): boolean {
    const { entries } = this.node as MapNode;
    const stored = [...entries.values()];
    if (this.#names.every(isFlat)) this.#names = [...entries.keys()];
    this.#values = stored.map((value, i) => (i < this.#values.length && !isFlat(this.#values[i]) ? this.#values[i] : value));
    return true;
  }
}

export class SetShadow extends Shadow {
  #members: unknown[];

  constructor(node: SetNode, source: object, members: unknown[]) {
    super(node, source);
    this.#members = members;
  }

  compare(live: ReadonlySet<unknown>, depth: number): void {
    if (depth % LEVELS === 0 && findings.defer(this, depth)) return;
    if (Object.getPrototypeOf(live) !== Set.prototype) findings.broken = true;
    const members = this.#members;
    let count = 0;
    for (const member of live) {
      const stored = members[count++];
      if (member === stored && count <= members.length) continue;
      if (isPlace(stored) && stored.source === member) {
        if (stored.owned) stored.compare(member, depth + 1);
      } else if (count > members.length || !Object.is(member, stored)) return this.#moved(live, depth);
    }
    if (count !== members.length) this.#moved(live, depth);
  }

  #moved(live: ReadonlySet<unknown>, depth: number): void {
    const flat = this.#members.every(isFlat);
    findings.resized(this, depth, flat && [...live].every(isPrimitive));
  }

  refresh(): boolean {
    if (this.#members.every(isFlat)) this.#members = [...(this.node as SetNode).members];
    return true;
  }
}

export class DateShadow extends Shadow {
  compare(live: Date, depth: number): void {
    const node = this.node as DateNode;
    if (Object.getPrototypeOf(live) !== Date.prototype) findings.broken = true;
    else if (!Object.is(live.getTime(), node.time)) findings.report(this, depth);
  }

  override advance(writer: OperationWriter, undo: Undo): boolean {
    const node = this.node as DateNode;
    undo.push(this, 0, node.time);
    node.time = (this.source as Date).getTime();
    writer.time(node);
    return true;
  }

  override restore(_index: number, old: unknown): void {
    (this.node as DateNode).time = old as number;
  }

  refresh(): boolean {
    return true;
  }
}

/** Expressions, addresses, bytes and views: looked at by what the comparison itself looks at them with. */
export class LeafShadow extends Shadow {
  readonly #binding: Binding;
  /** Of a view. */
  readonly #buffer: Place | undefined;

  constructor(node: GraphNode, source: object, binding: Binding, buffer?: Place) {
    super(node, source);
    this.#binding = binding;
    this.#buffer = buffer;
  }

  compare(live: object, depth: number): void {
    const kind = kindOf(live, this.#binding.kinds);
    if (kind === undefined || !looksLike(this.node, live, kind, this.#binding)) findings.broken = true;
    // a view and its buffer are compared one after the other, at one level
    else if (this.#buffer !== undefined) {
      if (this.#buffer.owned) this.#buffer.compare(this.#buffer.source, depth);
    } else if (!this.#same(live)) {
      findings.hard = true;
      findings.report(this, depth);
    }
  }

  #same(live: object): boolean {
    const { node } = this;
    switch (node.kind) {
      case 'regexp': {
        const { source, flags, lastIndex } = live as RegExp;
        return source === node.pattern && flags === node.flags && Object.is(lastIndex, node.lastIndex);
      }
      case 'url':
        return (live as URL).href === node.href;
      case 'buffer':
      case 'arrayBuffer':
        return bytesEqual(live instanceof ArrayBuffer ? liveBytes(live) : (live as Buffer), node.bytes);
      default:
        return false;
    }
  }

  refresh(): boolean {
    return true;
  }
}

/** What an instance's slot holds: nothing is as good as no slot. */
export function slotOf(node: { readonly slots: readonly Stored[] }, slot: number): Stored {
  const stored = slot < node.slots.length ? node.slots[slot] : HOLE;
  // a blob is compared elsewhere
  return isNode(stored) ? HOLE : stored;
}
