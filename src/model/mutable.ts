/** `@Mutable`: marks an attribute that is compared and replicated; it declares, it never changes the property. */
import { declareAttribute } from './declaration.js';
import { attributeSite, refuseBare } from './decoration-site.js';
import { checkAttributeOptions, type MutableOptions } from './options.js';
import type { Class } from './session-model.js';

/** What `@Mutable`, `@Immutable` and `@Transient` return: it stands before a property or an accessor of an instance. */
export type AttributeDecorator = (target: object, property: string) => void;

/**
 * Marks an attribute that commits compare with the benchmark and replicate.
 *
 * @param options or, for short, a function that returns the class of the value or of its elements
 * @throws {TwinstateError} `OPTION_INVALID` for an option without meaning, `DECLARATION_INVALID` for a misplaced mark
 */
export function Mutable(options: MutableOptions | (() => Class) = {}, ...misuse: readonly never[]): AttributeDecorator {
  refuseBare('@Mutable', [options, ...misuse]);
  return (...args: readonly unknown[]) => {
    const { prototype, property, where } = attributeSite('@Mutable', args);
    declareAttribute(prototype, property, 'mutable', checkAttributeOptions(`@Mutable of ${where}`, 'mutable', options));
  };
}
