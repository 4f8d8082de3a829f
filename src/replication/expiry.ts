/**
 * Finds the sessions of one replica whose time is up.
 *
 * Invariant: every session with an end has an entry in the wheel, from its create until it is found dead; using it changes nothing
 * here. Nothing is decided: what is due is told to the primary, which ends it by a record, and it is told again until it is dead.
 * Every replica looks, so that its wheel is ready when it leads.
 */
import { hash32 } from '../shared/bytes.js';
import type { SessionId } from '../shared/ids.js';
import { deadlineMs, endOf } from './lifetime.js';
import type { Life, Watch } from './lifetime.js';
import { TimingWheel } from './timing-wheel.js';

/** Sessions looked at in one tick, at most: some thousands a second for each partition. */
const LOOKS_MAX = 256;
/** What is due and still there is told again after so long. */
const AGAIN_MS = 500;

/** A living session, as the table tells it. */
export interface Living extends Life {
  readonly id: SessionId;
}

/** Where the living sessions are found. */
export interface LivingSessions {
  /** Calls `look` for each living session whose id has one of these hashes; it changes nothing. */
  lookAt(hashes: readonly number[], look: (session: Living, hash: number) => void): void;
}

export class Expiry {
  readonly #wheel = new TimingWheel();

  /** Bytes reserved. */
  get bytes(): number {
    return this.#wheel.bytes;
  }

  /** Takes a session that was created or loaded. */
  add(session: Life & { readonly id: SessionId }): void {
    const hash = hash32(session.id);
    const atMs = deadlineMs(session, hash);
    if (atMs !== Infinity) this.#wheel.insert(hash, atMs);
  }

  /** The sessions that may be ended now, by this clock; a bounded number. */
  due(sessions: LivingSessions, watch: Watch): SessionId[] {
    this.#wheel.advance(watch.wallMs);
    const hashes = this.#wheel.take(LOOKS_MAX);
    if (hashes.length === 0) return [];
    const due: SessionId[] = [];
    sessions.lookAt(hashes, (session, hash) => {
      const atMs = deadlineMs(session, hash);
      if (atMs === Infinity) return;
      if (endOf(session, hash, watch) !== undefined) due.push(session.id);
      this.#wheel.insert(hash, Math.max(atMs, watch.wallMs + AGAIN_MS));
    });
    return due;
  }
}
