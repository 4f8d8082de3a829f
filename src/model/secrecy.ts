/**
 * What may be said of what the application's own code throws.
 *
 * Invariant: no value of a `sensitive` attribute reaches an error. What a codec, a getter, a setter, a `make` or a merge function
 * throws may quote what it was given (`JSON.parse` does), so of a session with anything sensitive only the kind of error is said.
 */
import type { SessionModel } from './session-model.js';

const known = new WeakMap<SessionModel, boolean>();

/** Says whether anything in sessions of a class is sensitive. */
export function isSecretive(model: SessionModel): boolean {
  let secretive = known.get(model);
  if (secretive === undefined) {
    secretive = [...model.classes.values()].some(({ attributes }) => attributes.some(({ sensitive }) => sensitive));
    known.set(model, secretive);
  }
  return secretive;
}

/** What was thrown, as parts of an error: its words and itself, or its kind alone. */
export function thrown(cause: unknown, secretive: boolean): { readonly received: string; readonly cause?: unknown } {
  if (!secretive) return { received: `an exception: ${String(cause)}`, cause };
  const name = cause instanceof Error ? Object.getPrototypeOf(cause)?.constructor?.name : undefined;
  return {
    received: `an exception (${typeof name === 'string' ? name : typeof cause}), not quoted as something here is sensitive`,
  };
}
