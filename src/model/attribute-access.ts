/**
 * Reads and writes an attribute of an object.
 *
 * Invariant: a class's own getter and setter are used where they exist; anything else is an own data property, so an attribute
 * named `__proto__` or `constructor` is data like others and nothing inherited is ever read or reached.
 */

/** The part of an `AttributeModel` that says where its value is. */
export interface AttributePlace {
  readonly property: string;
  readonly accessor: boolean;
}

/** Reads an attribute; `undefined` where the object has none. */
export function readAttribute({ property, accessor }: AttributePlace, object: object): unknown {
  if (accessor) return Reflect.get(object, property);
  // what is inherited from `Object.prototype` is no attribute
  return Object.hasOwn(object, property) ? (object as Record<string, unknown>)[property] : undefined;
}

/** Writes an attribute of an object that is being made. */
export function writeAttribute({ property, accessor }: AttributePlace, object: object, value: unknown): void {
  if (accessor) Reflect.set(object, property, value);
  else defineProperty(object, property, value);
}

/** Defines an ordinary property, never assigning: no setter and no prototype is reached. */
export function defineProperty(object: object, property: string, value: unknown): void {
  Object.defineProperty(object, property, { value, writable: true, enumerable: true, configurable: true });
}
