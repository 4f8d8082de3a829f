/**
 * Sessions whose bytes cannot be read: each is served no more, by itself, until it is destroyed or created anew.
 *
 * Invariant: one poison session is one session. Whatever a body's bytes make its reader throw ends here.
 */
import { quarantined } from './quarantine.js';
import type { Bodies, SessionState } from './session-state.js';

export class QuarantinedSessions<B> {
  readonly #bodies: Bodies<B>;
  readonly #fresh: SessionState<B>[] = [];

  constructor(bodies: Bodies<B>) {
    this.#bodies = bodies;
  }

  /** Sessions that came here since the last call. */
  take(): readonly SessionState<B>[] {
    return this.#fresh.length === 0 ? this.#fresh : this.#fresh.splice(0);
  }

  /** Reads a body; `undefined`: there is none that can be read. A delta is kept without being applied: that it fits nothing may show here. */
  read<T>(state: SessionState<B>, read: (body: B) => T): T | undefined {
    if (state.body === undefined) return undefined;
    try {
      return read(state.body);
    } catch (cause) {
      this.add(state, cause);
      return undefined;
    }
  }

  /** Gives a session the body that is made. */
  make(state: SessionState<B>, make: () => B | undefined): void {
    try {
      state.body = make();
    } catch (cause) {
      this.add(state, cause);
    }
  }

  add(state: SessionState<B>, cause: unknown): void {
    if (state.body !== undefined) state.salvaged = this.#bodies.salvage(state.body);
    state.body = undefined;
    this.#fresh.push(state);
    state.quarantine = quarantined(state.id, cause);
  }
}
