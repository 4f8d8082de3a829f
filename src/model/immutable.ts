/** `@Immutable`: marks an attribute that is replicated once and never compared; it declares, it never changes the property. */
import { declareAttribute } from './declaration.js';
import { attributeSite, refuseBare } from './decoration-site.js';
import type { AttributeDecorator } from './mutable.js';
import { checkAttributeOptions, type ImmutableOptions } from './options.js';
import type { Class } from './session-model.js';

/**
 * Marks an attribute that is set until `create` resolves, is replicated with it, and is not writable afterwards.
 *
 * @param options or, for short, a function that returns the class of the value or of its elements
 * @throws {TwinstateError} `OPTION_INVALID` for an option without meaning, `DECLARATION_INVALID` for a misplaced mark
 */
export function Immutable(options: ImmutableOptions | (() => Class) = {}, ...misuse: readonly never[]): AttributeDecorator {
  refuseBare('@Immutable', [options, ...misuse]);
  return (...args: readonly unknown[]) => {
    const { prototype, property, where } = attributeSite('@Immutable', args);
    declareAttribute(prototype, property, 'immutable', checkAttributeOptions(`@Immutable of ${where}`, 'immutable', options));
  };
}
