/**
 * Writes attributes of live instances, and keys of live objects.
 *
 * Invariant: only own properties, or the class's own setter, are ever touched. A name like `__proto__` or `constructor` is defined,
 * never assigned, so no prototype is reached.
 */
import { readAttribute } from '../model/attribute-access.js';
import type { AttributeModel } from '../model/session-model.js';

/** Writes where the value differs: an absent attribute stays absent for `undefined`. Immutable ones end up non-writable. */
export function writeAttribute(instance: object, attribute: AttributeModel, value: unknown): void {
  const { property } = attribute;
  const same = Object.is(readAttribute(attribute, instance), value);
  if (attribute.accessor) {
    if (!same) (instance as Record<string, unknown>)[property] = value;
  } else if (attribute.mutable) {
    if (!same) writeKey(instance, property, value);
  } else if (!same || Object.getOwnPropertyDescriptor(instance, property)?.writable === true) {
    // configurable, because a refresh may have to put another object in its place
    Object.defineProperty(instance, property, { value, writable: false, enumerable: true, configurable: true });
  }
}

/** Writes an own enumerable property of any name. */
export function writeKey(object: object, key: string, value: unknown): void {
  if (!(key in object)) {
    (object as Record<string, unknown>)[key] = value;
    return;
  }
  const own = Object.getOwnPropertyDescriptor(object, key);
  // an own setter is that of a tracked attribute, which lets nobody redefine it
  if (own !== undefined && own.enumerable === true && (own.writable === true || own.set !== undefined))
    (object as Record<string, unknown>)[key] = value;
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

/** Gives an object these keys in this order, among those that `owns` says are meant. */
export function writeKeys<V>(
  live: object,
  keys: Iterable<[string, V]> & { readonly size: number; keys(): Iterable<string> },
  owns: (key: string) => boolean,
  valueOf: (value: V) => unknown,
): void {
  const held = Object.keys(live).filter(owns);
  let i = 0;
  let same = held.length <= keys.size;
  for (const key of keys.keys()) {
    if (i >= held.length) break;
    if (held[i++] !== key) same = false;
  }
  if (!same) for (const key of held) Reflect.deleteProperty(live, key);
  for (const [key, value] of keys) if (owns(key)) writeKey(live, key, valueOf(value));
}
