/**
 * What the log says of sessions whose content is not here yet, or left memory, kept until it is here.
 *
 * Invariant: entries of a session leave together and in the order of the log, and keep nothing of the records that they stood in.
 */
import { copyBytes } from '../shared/bytes.js';
import type { Sequence, SessionId } from '../shared/ids.js';
import type { Entry } from './record.js';

export interface DeferredEntry {
  readonly at: Sequence;
  readonly entry: Entry;
}

export class DeferredEntries {
  readonly #entries = new Map<SessionId, DeferredEntry[]>();

  get sessions(): Iterable<SessionId> {
    return this.#entries.keys();
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Where the oldest entry of all stands; `undefined` where there is none. */
  get oldest(): Sequence | undefined {
    let oldest: Sequence | undefined;
    for (const [first] of this.#entries.values()) if (oldest === undefined || first!.at < oldest) oldest = first!.at;
    return oldest;
  }

  has(id: SessionId): boolean {
    return this.#entries.has(id);
  }

  /** Where the last of a session's entries stands. */
  lastOf(id: SessionId): Sequence | undefined {
    return this.#entries.get(id)?.at(-1)?.at;
  }

  /** A session's entries, the oldest in front. */
  all(id: SessionId): readonly DeferredEntry[] {
    return this.#entries.get(id) ?? [];
  }

  /** Keeps a copy. */
  add(at: Sequence, entry: Entry): void {
    const kept = { at, entry: { ...entry, payload: copyBytes(entry.payload) } };
    const entries = this.#entries.get(entry.session);
    if (entries === undefined) this.#entries.set(entry.session, [kept]);
    else entries.push(kept);
  }

  remove(id: SessionId): void {
    this.#entries.delete(id);
  }
}
