/** A replica that is not what the log made of it: damaged memory, or a state that differs from the primary's at the same version. */
import { TwinstateError } from '../shared/errors.js';
import type { SessionId } from '../shared/ids.js';

/** Whoever meets it starts the replica again from the snapshots; nothing of the session is served. */
export class DriftError extends TwinstateError {
  override readonly name = 'DriftError';
  readonly session: SessionId;

  constructor(session: SessionId, expected: string, received: string) {
    super('BYTES_CORRUPT', `session ${JSON.stringify(session)} is not what it was here`, {
      expected,
      received,
      cure: 'nothing: the replica is read again from the snapshots and the log',
    });
    this.session = session;
  }
}
