/**
 * What a graph says when it refuses.
 *
 * Invariant: whatever the application's own code throws while its objects are made or written leaves a graph as a `TwinstateError`.
 */
import { TwinstateError } from '../shared/errors.js';
import { isSecretive, thrown } from '../model/secrecy.js';
import type { SessionModel } from '../model/session-model.js';

/** What the application's own code threw, as an error of Twinstate. */
export function typed(cause: unknown, model: SessionModel | undefined): TwinstateError {
  if (cause instanceof TwinstateError) return cause;
  return new TwinstateError('VALUE_UNSUPPORTED', 'the live objects do not take this state', {
    expected: 'objects that can be made and written',
    ...thrown(cause, model === undefined || isSecretive(model)),
    cure: 'see its cause: a constructor, a setter or a codec threw, or an object is frozen; then refresh the instance',
  });
}

export function wrongRoot(model: SessionModel, received: string): TwinstateError {
  return new TwinstateError('FINGERPRINT_MISMATCH', 'this is not a session of the class that is asked for', {
    expected: `an instance of ${model.root.name} by the model ${model.fingerprint}`,
    received,
    cure: 'open it with the class that it was created with, or give the class that replaced it this name',
  });
}
