/** `@Transient`: says aloud that a member never leaves the process, which is also true of every undecorated one. */
import { TwinstateError } from '../shared/errors.js';
import { declareAttribute } from './declaration.js';
import { attributeSite, refuseBare } from './decoration-site.js';
import type { AttributeDecorator } from './mutable.js';

/** Marks a member that is neither compared nor replicated. @throws {TwinstateError} `DECLARATION_INVALID` for a misplaced mark */
export function Transient(...misuse: readonly never[]): AttributeDecorator {
  if (misuse.length > 1) refuseBare('@Transient', misuse);
  if (misuse.length > 0) {
    throw new TwinstateError('OPTION_INVALID', '@Transient takes no options', { cure: 'write @Transient()' });
  }
  return (...args: readonly unknown[]) => {
    const { prototype, property } = attributeSite('@Transient', args);
    declareAttribute(prototype, property, 'transient', {});
  };
}
