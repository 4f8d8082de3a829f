/**
 * Keeps the log short: chooses the sessions whose snapshots are written, and what may be trimmed then.
 *
 * Invariant (rules 6 and 7): a record is trimmed only if every session that it changed is in a stored snapshot that is at least
 * as new, and only after a `CHECKPOINT` that says so was stored. A session that did not change never holds the floor back. The
 * last record of a partition is never trimmed: an emptied subject would begin at 0 again.
 */
import { sequence } from '../shared/ids.js';
import type { Revision, Sequence, SessionId } from '../shared/ids.js';
import type { Effect } from './effect.js';
import type { Ledger } from './ledger.js';
import type { Instant, MachineOptions } from './machine-options.js';
import { ABSENT, encodeStored } from './session-state.js';
import type { SessionState } from './session-state.js';
import { EMPTY_BYTES } from '../shared/bytes.js';

export class Upkeep<B> {
  readonly #options: MachineOptions<B>;
  readonly #emit: (effect: Effect) => void;
  readonly #busy = new Set<SessionId>();
  /** Where the records stand that no checkpoint gives up yet, oldest first. */
  #untrimmed: Sequence[] = [];
  #lastRecordMs = 0;
  #lookedMs = -Infinity;
  #weighedMs = -Infinity;
  #floor: Sequence = sequence(0);

  constructor(options: MachineOptions<B>, emit: (effect: Effect) => void) {
    this.#options = options;
    this.#emit = emit;
  }

  /** A term begins. */
  begin(now: Instant): void {
    this.#busy.clear();
    this.#lookedMs = now.ms;
  }

  /** The replica begins anew. */
  reset(): void {
    this.#busy.clear();
    this.#floor = sequence(0);
    this.#untrimmed = [];
  }

  noteRecord(now: Instant, at: Sequence): void {
    this.#untrimmed.push(at);
    this.#lastRecordMs = now.ms;
  }

  /** A stored checkpoint tells every replica what the snapshots hold, so that a later primary does not write them all again. */
  noteCheckpoint(ledger: Ledger<B>, floor: Sequence): void {
    if (floor <= this.#floor) return;
    this.#floor = floor;
    this.#untrimmed = this.#untrimmed.filter((at) => at > floor);
    for (const id of ledger.dirty) {
      const state = ledger.session(id)!;
      if (state.covered < floor) {
        state.covered = floor;
        // which revision holds it is known to the one who wrote it
        if (state.revision === ABSENT) state.revision = undefined;
      }
      if (state.sequence <= floor) ledger.clean(state);
      else if (state.dirtySince <= floor) state.dirtySince = sequence(floor + 1);
    }
  }

  tick(now: Instant, ledger: Ledger<B>): void {
    const { timing } = this.#options;
    if (now.ms - this.#lookedMs < timing.snapshotMs || !this.#due(now)) return;
    this.#lookedMs = now.ms;
    for (const id of ledger.dirty) {
      if (this.#busy.size >= timing.snapshotsAtOnce) return;
      if (!this.#busy.has(id)) this.#write(ledger, ledger.session(id)!);
    }
  }

  /** The floor of a checkpoint that is worth its record, or `undefined`. */
  dueCheckpoint(now: Instant, ledger: Ledger<B>): Sequence | undefined {
    const { timing } = this.#options;
    if (now.ms - this.#weighedMs < timing.snapshotMs || !this.#due(now)) return undefined;
    this.#weighedMs = now.ms;
    let floor: number = ledger.beforeApplied;
    for (const id of ledger.dirty) {
      const { covered, sequence: changed, dirtySince } = ledger.session(id)!;
      if (covered < changed) floor = Math.min(floor, Math.max(covered, (dirtySince || changed) - 1));
    }
    if (floor <= this.#floor) return undefined;
    // while sessions are still to be written, a checkpoint that gives up only a few records is not worth its own
    const given = this.#untrimmed.findIndex((at) => at > floor);
    if (ledger.dirty.size > 0 && given >= 0 && given * 2 < timing.checkpointRecords) return undefined;
    return sequence(floor);
  }

  put(ledger: Ledger<B>, id: SessionId, trueUpTo: Sequence, revision: Revision | undefined): void {
    this.#busy.delete(id);
    const state = ledger.session(id);
    if (state === undefined) return;
    state.revision = revision;
    if (revision === undefined) return;
    if (revision > ledger.reliedOn) ledger.reliedOn = revision;
    this.#cover(ledger, state, trueUpTo);
  }

  lookedUp(
    ledger: Ledger<B>,
    id: SessionId,
    found: { readonly revision: Revision; readonly trueUpTo: Sequence } | null | undefined,
  ): void {
    this.#busy.delete(id);
    const state = ledger.session(id);
    if (state === undefined || found === undefined) return;
    state.revision = found === null ? ABSENT : found.revision;
    if (found === null) return;
    if (found.revision > ledger.reliedOn) ledger.reliedOn = found.revision;
    this.#cover(ledger, state, found.trueUpTo);
  }

  /** Worth a snapshot and a checkpoint: many records, or a partition at rest. */
  #due(now: Instant): boolean {
    const { timing } = this.#options;
    // a checkpoint leaves itself and the record before it
    const resting = this.#untrimmed.length > 2 && now.ms - this.#lastRecordMs >= timing.checkpointIdleMs;
    return resting || this.#untrimmed.length >= timing.checkpointRecords;
  }

  #write(ledger: Ledger<B>, state: SessionState<B>): void {
    if (state.quarantine !== undefined) return;
    if (state.revision === undefined) {
      this.#busy.add(state.id);
      this.#emit({ type: 'look-up', session: state.id });
      return;
    }
    // a tombstone has no body
    const snapshot = state.dead ? EMPTY_BYTES : ledger.readBody(state, (body) => this.#options.bodies.snapshot(body));
    if (snapshot === undefined) return;
    this.#busy.add(state.id);
    const value = encodeStored({ header: state, sequence: state.sequence, trueUpTo: ledger.applied, snapshot });
    this.#emit({ type: 'put', session: state.id, value, expected: state.revision, trueUpTo: ledger.applied });
    // one that changes all the time must not keep the others waiting
    ledger.dirty.delete(state.id);
    ledger.dirty.add(state.id);
  }

  #cover(ledger: Ledger<B>, state: SessionState<B>, trueUpTo: Sequence): void {
    if (trueUpTo > state.covered) state.covered = trueUpTo;
    if (state.sequence <= state.covered) ledger.clean(state);
  }
}
