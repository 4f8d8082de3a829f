/** Why one session is not served while its partition goes on: one poison session is one session. */
import { TwinstateError } from '../shared/errors.js';
import type { SessionId } from '../shared/ids.js';
import { withheld } from './other-release.js';

/** The error of everybody who asks for a session whose bytes cannot be read. What another release can read is not given up as damaged. */
export function quarantined(id: SessionId, cause: unknown): TwinstateError {
  if (cause instanceof TwinstateError && cause.code === 'FORMAT_UNSUPPORTED') return withheld(id, cause);
  return new TwinstateError('SESSION_QUARANTINED', `session ${JSON.stringify(id)} cannot be read`, {
    received: cause instanceof Error ? cause.message : String(cause),
    cure: 'destroy it and create it anew; all other sessions go on',
    cause,
  });
}
