/**
 * What this process last saw of sessions that others lead, as bytes, so that opening one again costs a question and not a snapshot.
 *
 * Invariant: a hint, never an answer. Nothing leaves it before the session's primary has said that it is still the newest, or what
 * came after it. It holds no instance, is bounded in bytes, and forgets first what was asked for least recently.
 */
import type { Sequence, SessionId, Version } from '../shared/ids.js';
import type { VersionedDelta } from '../node/cluster-node.js';
import type { HeldState } from './held-state.js';

/** Where in a session's life a state stands. */
export interface Standing {
  readonly version: Version;
  readonly incarnation: Sequence;
}

export const CACHE_BYTES_DEFAULT = 32 * 1024 * 1024;

export class SessionCache {
  readonly #bytesMax: number;
  readonly #ledHere: (id: SessionId) => boolean;
  /** Least recently used first. */
  readonly #states = new Map<SessionId, HeldState>();
  #bytes = 0;

  /** @param ledHere whether this process leads a session, and so has it in memory already: nothing is kept of those */
  constructor(bytesMax: number, ledHere: (id: SessionId) => boolean) {
    this.#bytesMax = bytesMax;
    this.#ledHere = ledHere;
  }

  get size(): number {
    return this.#states.size;
  }

  /** Never more than the bound. */
  get bytes(): number {
    return this.#bytes;
  }

  get(id: SessionId): HeldState | undefined {
    const state = this.#states.get(id);
    if (state === undefined) return undefined;
    this.#states.delete(id);
    this.#states.set(id, state);
    return state;
  }

  /**
   * Keeps what the primary has answered. Answers may overtake each other: an older state of the same incarnation does not replace
   * a newer one, unless that is what the primary was asked about.
   */
  keep(id: SessionId, state: HeldState, askedWith?: HeldState): void {
    const held = this.#states.get(id);
    const overtaken = held !== undefined && held.incarnation === state.incarnation && held.version > state.version;
    if (overtaken && held !== askedWith) return;
    this.forget(id);
    if (state.bytes > this.#bytesMax || this.#ledHere(id)) return;
    this.#states.set(id, state);
    this.#bytes += state.bytes;
    for (const oldest of this.#states.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.forget(oldest);
    }
  }

  /** These deltas came next behind `base`, acknowledged: what is held of the session goes along, if it stands there. */
  follow(id: SessionId, base: Standing, deltas: readonly VersionedDelta[]): void {
    const held = this.#states.get(id);
    if (held === undefined || held.incarnation !== base.incarnation || held.version !== base.version) return;
    const next = held.after(deltas);
    // where nobody opens it, nobody folds it: the next open asks for a snapshot
    if (next === undefined || held.outgrown) this.forget(id);
    else this.keep(id, next);
  }

  forget(id: SessionId): void {
    const held = this.#states.get(id);
    if (held === undefined) return;
    this.#states.delete(id);
    this.#bytes -= held.bytes;
  }
}
