/**
 * Sessions with a change that no stored snapshot is known to hold, ordered by how long.
 *
 * Invariant: what is asked most, where the oldest such change stands, costs the same however many there are. A session that is
 * being saved stays counted from its oldest change until that is stored; what changes meanwhile is counted for itself. Records come
 * in the order of their sequences, so a session that changes is always the newest one here.
 */
import { sequence } from '../shared/ids.js';
import type { Sequence, SessionId } from '../shared/ids.js';

export class UnsavedSessions {
  /** The oldest change of each that is in no snapshot, nor in one that is being stored; the oldest in front. */
  readonly #since = new Map<SessionId, Sequence>();
  /** Being saved: the oldest change that this will hold. As few as are saved at once. */
  readonly #saving = new Map<SessionId, Sequence>();
  /** Could not be saved: they come first. As few. */
  readonly #again = new Map<SessionId, Sequence>();

  /** Counts a session once, whatever becomes of it. */
  get size(): number {
    let both = 0;
    for (const id of this.#saving.keys()) if (this.#since.has(id)) both++;
    return this.#since.size + this.#again.size + this.#saving.size - both;
  }

  has(id: SessionId): boolean {
    return this.#since.has(id) || this.#saving.has(id) || this.#again.has(id);
  }

  /** A record at `at` changed it. */
  changed(id: SessionId, at: Sequence): void {
    if (this.#since.has(id) || (this.#again.size > 0 && this.#again.has(id))) return;
    this.#since.set(id, at);
  }

  /** No record may be given up from here on; `undefined` where all could be. */
  oldest(): Sequence | undefined {
    let oldest: Sequence | undefined = this.#since.values().next().value;
    for (const few of [this.#saving, this.#again]) {
      for (const at of few.values()) if (oldest === undefined || at < oldest) oldest = at;
    }
    return oldest;
  }

  /** Those not being saved whose oldest change stands at `horizon` or before it. What is handed out may be saved or forgotten meanwhile. */
  *due(horizon: Sequence): IterableIterator<SessionId> {
    for (const [id, at] of this.#again) if (at <= horizon) yield id;
    for (const [id, at] of this.#since) {
      if (at > horizon) return;
      if (!this.#saving.has(id)) yield id;
    }
  }

  /** All that was changed so far is on its way into a snapshot. */
  saving(id: SessionId): void {
    const at = this.#again.get(id) ?? this.#since.get(id);
    if (at === undefined) return;
    this.#again.delete(id);
    this.#since.delete(id);
    this.#saving.set(id, at);
  }

  /** What was being saved is stored. */
  saved(id: SessionId): void {
    this.#saving.delete(id);
  }

  /** What was being saved is not stored, as far as is known. @param after a stored snapshot holds the changes up to this one */
  notSaved(id: SessionId, after: Sequence = sequence(0)): void {
    const at = this.#saving.get(id);
    if (at === undefined) return;
    this.#saving.delete(id);
    this.#since.delete(id);
    this.#again.set(id, at > after ? at : sequence(after + 1));
  }

  /** A term begins: nobody here waits for what was being saved in an earlier one. */
  savingEnded(): void {
    for (const id of [...this.#saving.keys()]) this.notSaved(id);
  }

  forget(id: SessionId): void {
    this.#since.delete(id);
    this.#saving.delete(id);
    this.#again.delete(id);
  }

  /** Stored snapshots hold every change up to `floor`. @param lastChange where a session's last change stands */
  savedUpTo(floor: Sequence, lastChange: (id: SessionId) => Sequence): void {
    const next = sequence(floor + 1);
    for (const [id, at] of this.#since) {
      if (at > floor) break;
      // in place: all others stand at or behind the floor's next, so the order holds
      if (lastChange(id) <= floor) this.#since.delete(id);
      else this.#since.set(id, next);
    }
    for (const few of [this.#saving, this.#again]) {
      for (const [id, at] of few) {
        if (at > floor) continue;
        if (lastChange(id) <= floor) few.delete(id);
        else few.set(id, next);
      }
    }
  }
}
