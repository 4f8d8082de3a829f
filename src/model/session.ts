/** `@Session`: marks a class whose instances are sessions, and names classes on the wire; it declares, it never changes the class. */
import { declareSession } from './declaration.js';
import { classSite, refuseBare } from './decoration-site.js';
import { checkSessionOptions, type SessionOptions } from './options.js';
import type { Class } from './session-model.js';

/**
 * Marks a session class. On a class nested in sessions, it gives its stable `name` and its `make`. Options are not inherited: a
 * subclass that is opened as a session of its own is marked itself.
 *
 * @throws {TwinstateError} `OPTION_INVALID` for an option without meaning, `DECLARATION_INVALID` for a misplaced mark
 */
export function Session(options: SessionOptions = {}, ...misuse: readonly never[]): (type: Class) => void {
  refuseBare('@Session', [options, ...misuse]);
  return (...args: readonly unknown[]) => {
    const { prototype, where } = classSite('@Session', args);
    declareSession(prototype, checkSessionOptions(`@Session of ${where}`, options));
  };
}
