/**
 * The mutable-attribute set: which attributes of a class a comparison looks at, and no others.
 *
 * Invariant: made once from a class's attributes, in their order, and frozen; immutable and transient members are never in it.
 */
import type { AttributeModel } from './session-model.js';

/** Picks the mutable attributes. */
export function mutableAttributeSet(attributes: readonly AttributeModel[]): readonly AttributeModel[] {
  return Object.freeze(attributes.filter((attribute) => attribute.mutable));
}
