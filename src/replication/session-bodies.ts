/**
 * The bodies of a replica's sessions: made, appended to and read here only.
 *
 * Invariant: one poison session is one session. Whatever a body's bytes make their reader throw ends here: that session is served no
 * more, until it is destroyed or created anew, and its partition goes on.
 */
import { TwinstateError } from '../shared/errors.js';
import type { SessionId, Version } from '../shared/ids.js';
import { withheld } from './other-release.js';
import type { Entry } from './record.js';
import type { Bodies, SessionState, VersionedDelta } from './session-state.js';

export class SessionBodies<B> {
  readonly #bodies: Bodies<B>;
  readonly #quarantined: SessionState<B>[] = [];

  constructor(bodies: Bodies<B>) {
    this.#bodies = bodies;
  }

  /** Gives a session the body that a snapshot of this version holds, and the deltas behind it, where all of that can be read. */
  create(state: SessionState<B>, snapshot: Uint8Array, at: Version, behind: readonly VersionedDelta[] = []): void {
    try {
      const body = this.#bodies.create(snapshot, at);
      for (const { version, delta } of behind) this.#bodies.append(body, delta, version, false);
      state.body = body;
    } catch (cause) {
      this.quarantine(state, cause);
    }
  }

  /** Keeps a commit's delta, where there is a body that it can be kept with. @param checked see `Bodies` */
  append(state: SessionState<B>, { payload, to }: Entry, checked: boolean): void {
    if (state.body === undefined) return;
    try {
      this.#bodies.append(state.body, payload, to, checked);
    } catch (cause) {
      this.quarantine(state, cause);
    }
  }

  /**
   * Reads a body; `undefined`: there is none that can be read. A delta is kept without being applied: that it fits nothing may
   * show here.
   */
  read<T>(state: SessionState<B>, read: (body: B) => T): T | undefined {
    if (state.body === undefined) return undefined;
    try {
      return read(state.body);
    } catch (cause) {
      this.quarantine(state, cause);
      return undefined;
    }
  }

  /** Serves a session no more, until it is destroyed or created anew. The last state of it that can be read is kept. */
  quarantine(state: SessionState<B>, cause: unknown): void {
    if (state.body !== undefined) state.salvaged = this.#bodies.salvage(state.body);
    state.body = undefined;
    this.#quarantined.push(state);
    state.quarantine = quarantined(state.id, cause);
  }

  /** Hands out the sessions that were quarantined since the last call, once. */
  takeQuarantined(): readonly SessionState<B>[] {
    return this.#quarantined.length === 0 ? this.#quarantined : this.#quarantined.splice(0);
  }
}

/** The error of everybody who asks for a session whose bytes cannot be read. What another release can read is not given up as damaged. */
export function quarantined(id: SessionId, cause: unknown): TwinstateError {
  if (cause instanceof TwinstateError && cause.code === 'FORMAT_UNSUPPORTED') return withheld(id, cause);
  return new TwinstateError('SESSION_QUARANTINED', `session ${JSON.stringify(id)} cannot be read`, {
    received: cause instanceof Error ? cause.message : String(cause),
    cure: 'destroy it and create it anew; all other sessions go on',
    cause,
  });
}
