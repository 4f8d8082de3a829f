/**
 * Drift: a replica that is not what the log made of it. Its memory was damaged, or it differs from another one at the same version.
 *
 * Invariant: a digest is of the whole state as one snapshot, whose bytes are the same wherever the state is the same; so replicas
 * can be compared by it, whenever each of them last made one snapshot of its deltas.
 */
import { TwinstateError } from '../shared/errors.js';
import type { Sequence, SessionId, Version } from '../shared/ids.js';
import { crc32 } from '../wire/checksum.js';

/** What a session's state was, in few bytes. */
export interface SessionDigest {
  readonly session: SessionId;
  readonly incarnation: Sequence;
  readonly version: Version;
  /** See `digestOf`. */
  readonly digest: number;
}

/** The digest of a state that was encoded whole. It finds damage and faults; it proves nothing against an attacker. */
export function digestOf(snapshot: Uint8Array): number {
  return crc32(snapshot);
}

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
