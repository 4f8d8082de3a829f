/** Why one session is not served while its partition goes on: one poison session is one session. */
import { TwinstateError } from '../shared/errors.js';
import type { SessionId } from '../shared/ids.js';

/** The error of everybody who asks for a session whose bytes cannot be read. */
export function quarantined(id: SessionId, cause: unknown): TwinstateError {
  return new TwinstateError('SESSION_QUARANTINED', `session ${JSON.stringify(id)} cannot be read`, {
    received: cause instanceof Error ? cause.message : String(cause),
    cure: 'destroy it and create it anew; all other sessions go on',
    cause,
  });
}
