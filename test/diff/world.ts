// sparse arrays and changes in place are what this is about
/* oxlint-disable no-sparse-arrays, unicorn/no-new-array, unicorn/no-array-reverse, unicorn/no-array-sort */
/**
 * A session of every kind of object, and random changes to it, driven by numbers so that fast-check can shrink them.
 *
 * Invariant: the same genes make the same changes to equal worlds.
 */
import 'reflect-metadata';
import { inspect } from 'node:util';
import { Immutable } from '../../src/model/immutable.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';

export class Part {
  @Immutable() serial?: unknown;
  @Mutable() size: unknown = 1;
  @Mutable() next: unknown;
}

export class Wheel extends Part {
  @Mutable() spokes: unknown;
}

@Session({ name: 'world' })
export class World {
  @Immutable() id: unknown = 'w';
  @Mutable() a: unknown;
  @Mutable() b: unknown = 0;
  @Mutable({ type: () => Part }) parts: unknown;
  @Mutable({ type: () => Wheel, key: 'size' }) keyed: unknown = [];
  @Mutable({ diff: 'binary' }) opaque: unknown;
}

export type Gene = readonly [number, number, number, number];

const PRIMITIVES: readonly unknown[] = [
  undefined, null, true, false, 0, -0, 1, -1, 127, 128, 300, -5000, 2 ** 31, 2 ** 53 - 1, -(2 ** 53 - 1), 1.5, 0.1, -1e300,
  NaN, Infinity, -Infinity, '', 'a', 'ä€😀', '\ud800', 'x'.repeat(40), 0n, 12345678901234567890n, -7n, '__proto__', 'constructor',
]; // prettier-ignore
const KEYS = ['k', 'j', '7', '0', '__proto__', 'constructor', 'toString', 'two words', ''];

/** Every object that is replicated, in breadth-first order. Not what stands in a binary attribute or only in immutable ones. */
export function objectsOf(world: World): object[] {
  const found = new Set<object>([world]);
  for (const object of found) {
    for (const child of childrenOf(object)) if (typeof child === 'object' && child !== null) found.add(child);
  }
  return [...found];
}

function childrenOf(object: object): unknown[] {
  if (object instanceof World) return [object.a, object.b, object.parts, object.keyed];
  if (object instanceof Part) return [object.size, object.next, ...(object instanceof Wheel ? [object.spokes] : [])];
  if (object instanceof Map) return [...object].flat();
  if (object instanceof Set) return [...object];
  if (Buffer.isBuffer(object)) return [];
  if (ArrayBuffer.isView(object)) return [object.buffer];
  return Array.isArray(object) || isPlain(object) ? Object.values(object) : [];
}

function isPlain(object: object): boolean {
  return [Object.prototype, null].includes(Object.getPrototypeOf(object) as null);
}

/** Makes one change. */
export function mutate(world: World, [where, what, x, y]: Gene): void {
  const objects = objectsOf(world);
  const pick = (n: number): object => objects[n % objects.length]!;
  const value = (n: number): unknown => makeValue(n, pick);
  const target = pick(where);
  if (target instanceof World) {
    const slot = (['a', 'b', 'parts', 'keyed', 'opaque'] as const)[what % 5]!;
    // what is binary has a life of its own
    if (slot === 'opaque') world.opaque = makeValue(x, () => ({ own: x })) ?? [x, { y }, new Map([[y, x]])];
    else if (slot === 'keyed') world.keyed = Array.from({ length: x % 5 }, (_, i) => wheel((y * (i + 1)) % 7, value(x + i)));
    else world[slot] = what % 11 === 0 ? clone(world[slot]) : value(x);
  } else if (target instanceof Part) {
    if (what % 3 === 0) target.size = value(x);
    else if (target instanceof Wheel && what % 3 === 1) target.spokes = value(x);
    else target.next = value(x);
  } else if (target instanceof Map) mutateMap(target, what, value(x), value(y));
  else if (target instanceof Set) mutateSet(target, what, value(x));
  else if (target instanceof Date) target.setTime(what % 5 === 0 ? NaN : x * 1000);
  else if (target instanceof RegExp) target.lastIndex = x;
  else if (target instanceof URL) target.pathname = `/${x}`;
  else if (Buffer.isBuffer(target)) target.fill(x, 0, what % (target.length + 1));
  else if (target instanceof ArrayBuffer) new Uint8Array(target).fill(x, 0, what % (target.byteLength + 1));
  else if (target instanceof DataView) target.setUint8(what % target.byteLength, x);
  else if (ArrayBuffer.isView(target)) new Uint8Array(target.buffer, target.byteOffset, target.byteLength).fill(y, 0, 1);
  else if (Array.isArray(target)) mutateArray(target, what, x, y, value);
  else mutateKeys(target as Record<string, unknown>, what, x, value(y));
}

function mutateMap(map: Map<unknown, unknown>, what: number, key: unknown, value: unknown): void {
  const first = map.keys().next().value;
  if (what % 5 === 0) map.delete(first);
  else if (what % 5 === 1) {
    const held = map.get(first);
    map.delete(first);
    map.set(first, held);
  } else if (what % 13 === 12) map.clear();
  else if (what % 7 === 6) for (const [name, old] of [...map]) map.set(name, clone(old));
  else map.set(key, value);
}

function mutateSet(set: Set<unknown>, what: number, member: unknown): void {
  const first = set.values().next().value;
  if (what % 4 === 0) set.delete(first);
  else if (what % 4 === 1 && set.delete(first)) set.add(first);
  else if (what % 13 === 12) set.clear();
  else set.add(member);
}

function mutateKeys(object: Record<string, unknown>, what: number, x: number, value: unknown): void {
  const key = KEYS[x % KEYS.length]!;
  const define = (name: string, now: unknown): void => {
    Object.defineProperty(object, name, { value: now, writable: true, enumerable: true, configurable: true });
  };
  if (what % 4 === 0) Reflect.deleteProperty(object, key);
  else if (what % 4 === 1) {
    const held = Object.hasOwn(object, key) ? object[key] : value;
    Reflect.deleteProperty(object, key);
    define(key, held);
  } else define(key, value);
}

function mutateArray(array: unknown[], what: number, x: number, y: number, value: (n: number) => unknown): void {
  const at = array.length === 0 ? 0 : x % array.length;
  switch (what % 14) {
    case 0: return void array.push(value(x), value(y));
    case 1: return void array.pop();
    case 2: return void array.unshift(value(x));
    case 3: return void array.shift();
    case 4: return void array.splice(at, y % 3, value(y));
    case 5: return void array.reverse();
    case 6: return void array.sort((a, b) => keyOf(a).localeCompare(keyOf(b)));
    case 7: return void (array[at] = value(y));
    case 8: return void (array.length = y % 12);
    case 9: return void Reflect.deleteProperty(array, at);
    case 10: array.forEach((element, i) => (array[i] = clone(element))); return;
    case 11: return void array.copyWithin(0, at);
    case 12: return void array.push(...array.splice(0, 1 + (y % 3)));
    default: return void array.splice(at, 2, value(x), clone(array[0]), value(y), clone(array[at]));
  }
} // prettier-ignore

function keyOf(value: unknown): string {
  return typeof value === 'object' ? '' : inspect(value);
}

/** A look-alike: the same class and the same values. */
function clone(value: unknown): unknown {
  if (value instanceof Part) return Object.assign(value instanceof Wheel ? new Wheel() : new Part(), value);
  if (value instanceof World || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return [...(value as unknown[])];
  if (value instanceof Map) return new Map(value);
  if (value instanceof Set) return new Set(value);
  if (value instanceof Date) return new Date(value);
  if (value instanceof RegExp) return new RegExp(value);
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  if (value instanceof ArrayBuffer) return value.slice(0);
  if (value instanceof Uint16Array) return value.byteLength === value.buffer.byteLength ? value.slice() : value;
  return isPlain(value) && Object.getPrototypeOf(value) !== null ? Object.fromEntries(Object.entries(value)) : value;
}

function wheel(size: unknown, next: unknown): Wheel {
  return Object.assign(new Wheel(), { size, next });
}

function makeValue(n: number, pick: (n: number) => object): unknown {
  const rest = Math.floor(n / 4);
  if (n % 4 === 0) return PRIMITIVES[rest % PRIMITIVES.length];
  if (n % 4 === 1) return pick(rest);
  const inner = PRIMITIVES[rest % 7];
  switch (rest % 18) {
    case 0: return Object.assign(new Part(), { serial: { made: rest }, size: inner });
    case 1: return Object.assign(new Wheel(), { serial: n, spokes: [pick(rest)] });
    case 2: return { k: inner, o: pick(rest) };
    case 3: return Object.assign(Object.create(null), { k: inner }) as unknown;
    case 4: return [inner, pick(rest), , 1, 2, 3];
    case 5: return new Map<unknown, unknown>([['k', inner], [pick(rest), { deep: [1] }], [NaN, -0]]);
    case 6: return new Set<unknown>([inner, pick(rest), 'x', -0]);
    case 7: return new Date(n);
    case 8: return new RegExp(`a${rest}`, 'g');
    case 9: return new URL(`https://example.org/${rest}`);
    case 10: return Buffer.from(`bytes ${rest}`);
    case 11: return new ArrayBuffer(16);
    case 12: { const buffer = new ArrayBuffer(16); return [new Uint16Array(buffer, 2, 4), new DataView(buffer, 1, 3), buffer]; }
    case 13: { const self: unknown[] = [1]; self.push(self, { self }); return self; }
    case 14: return new Float64Array([1.5, rest]);
    case 15: return Array.from({ length: 10 }, (_, i) => i + (rest % 3));
    case 16: return [{ id: 1 }, { id: 2 }, [[]]];
    default: { const part = new Part(); part.next = part; return [part, part]; }
  }
} // prettier-ignore
