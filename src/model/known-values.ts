/**
 * What can be told of an attribute's value before there is one: from `design:type` where the compiler emits it, and from what the
 * initialiser left in an instance.
 *
 * Invariant: `undefined` means "not known", and nothing is ever refused for it: esbuild emits no `design:type`, a union emits
 * `Object`, and an `import type` emits `Function`.
 */
import 'reflect-metadata';

export type ValueKind = 'number' | 'bigint' | 'string' | 'boolean' | 'date' | 'array' | 'map' | 'set' | 'bytes' | 'object';

const KINDS: ReadonlyMap<unknown, ValueKind> = new Map<unknown, ValueKind>([
  [Number, 'number'],
  [BigInt, 'bigint'],
  [String, 'string'],
  [Boolean, 'boolean'],
  [Date, 'date'],
  [Array, 'array'],
  [Map, 'map'],
  [Set, 'set'],
  [ArrayBuffer, 'bytes'],
  [Buffer, 'bytes'],
]);

const TypedArray = Object.getPrototypeOf(Uint8Array) as abstract new () => object;

/** Classes whose instances arrive as they were, without any declaration. */
const CARRIED: ReadonlySet<unknown> = new Set<unknown>([...KINDS.keys(), Object, RegExp, URL]);

/** Classes whose instances belong to one process. */
const UNCARRIED: ReadonlySet<unknown> = new Set<unknown>([Promise, WeakMap, WeakSet, WeakRef, Symbol]);

/** Tells whether a class needs no declaration: `Date`, `Map`, typed arrays and the like. */
export function isCarried(type: unknown): boolean {
  return CARRIED.has(type) || (typeof type === 'function' && Object.getPrototypeOf(type) === TypedArray);
}

/** Tells whether a class's instances can never be carried, whatever is declared. */
export function isUncarried(type: unknown): boolean {
  return UNCARRIED.has(type);
}

/** Tells whether instances hold more than their properties, as those of subclasses of `Array` and `Map` do. */
export function holdsMore(prototype: object): boolean {
  const { constructor: type } = prototype as { constructor: unknown };
  return type !== Object && (isCarried(type) || isUncarried(type) || type === DataView);
}

/** Reads `design:type`, which may be missing or say nothing. */
export function designType(prototype: object, property: string): unknown {
  return Reflect.getMetadata('design:type', prototype, property) as unknown;
}

/** Tells the kind of value from `design:type`, or else from the value of a fresh instance. */
export function valueKind(design: unknown, initial: unknown): ValueKind | undefined {
  const designed = KINDS.get(design);
  if (designed !== undefined) return designed;
  if (typeof design === 'function' && Object.getPrototypeOf(design) === TypedArray) return 'bytes';
  if (initial === undefined || initial === null) return undefined;
  if (typeof initial !== 'object') return KINDS.get((initial as { constructor: unknown }).constructor);
  if (Array.isArray(initial)) return 'array';
  if (initial instanceof Map) return 'map';
  if (initial instanceof Set) return 'set';
  if (initial instanceof Date) return 'date';
  if (ArrayBuffer.isView(initial) || initial instanceof ArrayBuffer) return 'bytes';
  return 'object';
}
