/**
 * Reads and writes attributes of live instances, and keys of live objects.
 *
 * Invariant: only own properties, or the class's own getter and setter, are ever touched. A name like `__proto__` or `constructor`
 * is read as absent until it is an own property, and is defined, never assigned, so no prototype is reached.
 */
import type { AttributeModel } from '../model/session-model.js';

export function readAttribute(instance: object, attribute: AttributeModel): unknown {
  const value = (instance as Record<string, unknown>)[attribute.property];
  if (value === undefined || attribute.accessor || Object.hasOwn(instance, attribute.property)) return value;
  return undefined;
}

/** Writes where the value differs: an absent attribute stays absent for `undefined`. Immutable ones end up non-writable. */
export function writeAttribute(instance: object, attribute: AttributeModel, value: unknown): void {
  const same = Object.is(readAttribute(instance, attribute), value);
  if (attribute.accessor) {
    if (!same) (instance as Record<string, unknown>)[attribute.property] = value;
  } else if (!attribute.mutable) {
    if (!same || Object.hasOwn(instance, attribute.property)) lockAttribute(instance, attribute, value);
  } else if (!same) writeKey(instance, attribute.property, value);
}

/** Makes an immutable attribute non-writable, so that the `TypeError` of a later write points at the line that wrote. */
export function lockAttribute(instance: object, attribute: AttributeModel, value: unknown): void {
  Object.defineProperty(instance, attribute.property, { value, writable: false, enumerable: true, configurable: true });
}

/** Writes an own enumerable property of any name. */
export function writeKey(object: object, key: string, value: unknown): void {
  if (!(key in object)) {
    (object as Record<string, unknown>)[key] = value;
    return;
  }
  const own = Object.getOwnPropertyDescriptor(object, key);
  if (own !== undefined && own.enumerable === true && own.writable === true) (object as Record<string, unknown>)[key] = value;
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}
