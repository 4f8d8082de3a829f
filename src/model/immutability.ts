/**
 * Immutable attributes over the life of an instance: set before `create` resolves, read-only afterwards.
 *
 * Invariant: a sealed attribute is an own data property that can neither be written nor deleted, so that the `TypeError` points at
 * the line that tried. What the attribute holds is not frozen; an attribute behind a getter and setter is left to its class.
 */
import { TwinstateError } from '../shared/errors.js';
import { readAttribute } from './attribute-access.js';
import { propertyPath } from './property-path.js';
import type { ClassModel } from './session-model.js';

/** Makes the immutable attributes of one object read-only. Sealing twice is the same as once. */
export function sealImmutables(model: ClassModel, object: object): void {
  for (const { mutable, accessor, property } of model.attributes) {
    if (mutable || accessor) continue;
    const value: unknown = Object.getOwnPropertyDescriptor(object, property)?.value;
    Object.defineProperty(object, property, { value, writable: false, enumerable: true, configurable: false });
  }
}

/**
 * Checks that every immutable attribute of one object has a value.
 *
 * @param given properties that somebody set on purpose, maybe to `undefined`
 * @param path where the object stands; empty for the session itself
 * @throws {TwinstateError} `ATTRIBUTE_MISSING`
 */
export function requireImmutables(model: ClassModel, object: object, given: ReadonlySet<string>, path = ''): void {
  for (const attribute of model.attributes) {
    const { mutable, property } = attribute;
    if (mutable || given.has(property) || readAttribute(attribute, object) !== undefined) continue;
    throw new TwinstateError('ATTRIBUTE_MISSING', `${model.type.name} has no ${property}`, {
      path: propertyPath(path, property),
      expected: 'a value for an immutable attribute, which cannot be set later',
      received: 'undefined',
      cure: `give ${property} on creation, as null or an explicit undefined if there is none, or mark it @Mutable()`,
    });
  }
}
