/**
 * Keeps the log short: chooses the sessions whose snapshots are written, and what may be trimmed then.
 *
 * Invariant (rules 6 and 7): a record is trimmed only if every session that it changed is in a stored snapshot that is at least
 * as new, and only after a `CHECKPOINT` that says so was stored. A session that did not change never holds the floor back. The
 * last record of a partition is never trimmed: an emptied subject would begin at 0 again.
 */
import { sequence } from '../shared/ids.js';
import type { Revision, Sequence, SessionId } from '../shared/ids.js';
import { digestOf, DriftError } from './drift.js';
import type { SessionDigest } from './drift.js';
import type { Effect } from './effect.js';
import type { Ledger } from './ledger.js';
import type { FoundSnapshot, Instant, MachineOptions } from './machine-options.js';
import type { CheckpointRecord } from './record.js';
import { ABSENT, encodeStored } from './session-state.js';
import type { SessionState, Standing } from './session-state.js';
import { EMPTY_BYTES } from '../shared/bytes.js';

/** Digests in one checkpoint, at most: each may cost every replica a whole session's encoding. */
const DIGESTS_MAX = 32;

export class Upkeep<B> {
  readonly #options: MachineOptions<B>;
  readonly #emit: (effect: Effect) => void;
  /** Being looked up, or written with this digest. */
  readonly #busy = new Map<SessionId, SessionDigest | undefined>();
  /** What was written since the last checkpoint: some of it. */
  #written: SessionDigest[] = [];
  /** Found to have drifted once; it outlives a new beginning, which must have mended it. */
  readonly #drifted = new Set<SessionId>();
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
    this.#written = [];
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
  noteCheckpoint(ledger: Ledger<B>, { floor, digests }: CheckpointRecord): void {
    for (const digest of digests) this.#compare(ledger, digest);
    if (floor <= this.#floor) return;
    this.#floor = floor;
    this.#untrimmed = this.#untrimmed.filter((at) => at > floor);
    for (const id of ledger.dirty) {
      const standing = ledger.sessions.standing(id)!;
      if (standing.covered < floor) {
        standing.covered = floor;
        // which revision holds it is known to the one who wrote it
        if (standing.revision === ABSENT) standing.revision = undefined;
      }
      if (standing.sequence <= floor) ledger.clean(id, standing);
      else if (standing.dirtySince <= floor) standing.dirtySince = sequence(floor + 1);
    }
  }

  tick(now: Instant, ledger: Ledger<B>): void {
    const { timing } = this.#options;
    // the next ones as soon as those before them are stored, and more beside slow ones after a while
    if ((this.#busy.size > 0 && now.ms - this.#lookedMs < timing.snapshotMs) || !this.#due(now)) return;
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
      const { covered, sequence: changed, dirtySince } = ledger.sessions.standing(id)!;
      if (covered < changed) floor = Math.min(floor, Math.max(covered, (dirtySince || changed) - 1));
    }
    if (floor <= this.#floor) return undefined;
    // while sessions are still to be written, a checkpoint that gives up only a few records is not worth its own
    const given = this.#untrimmed.findIndex((at) => at > floor);
    if (ledger.dirty.size > 0 && given >= 0 && given * 2 < timing.checkpointRecords) return undefined;
    return sequence(floor);
  }

  /** Hands out what the next checkpoint lets everybody compare, once. */
  takeDigests(): readonly SessionDigest[] {
    return this.#written.splice(0);
  }

  put(ledger: Ledger<B>, id: SessionId, trueUpTo: Sequence, revision: Revision | undefined): void {
    const written = this.#busy.get(id);
    this.#busy.delete(id);
    const standing = ledger.sessions.standing(id);
    if (standing === undefined) return;
    standing.revision = revision;
    if (revision === undefined) return;
    if (written !== undefined && this.#written.push(written) > DIGESTS_MAX) this.#written.shift();
    if (revision > ledger.reliedOn) ledger.reliedOn = revision;
    this.#cover(ledger, id, standing, trueUpTo);
  }

  lookedUp(ledger: Ledger<B>, id: SessionId, found: FoundSnapshot | null | undefined): void {
    this.#busy.delete(id);
    const standing = ledger.sessions.standing(id);
    if (standing === undefined || found === undefined) return;
    standing.revision = found === null ? ABSENT : found.revision;
    if (found === null) return;
    if (found.revision > ledger.reliedOn) ledger.reliedOn = found.revision;
    if (found.digest !== undefined) this.#compare(ledger, found.digest);
    this.#cover(ledger, id, standing, found.trueUpTo);
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
      this.#busy.set(state.id, undefined);
      this.#emit({ type: 'look-up', session: state.id });
      return;
    }
    // a tombstone has no body
    const snapshot = state.dead ? EMPTY_BYTES : ledger.readBody(state, (body) => this.#options.bodies.snapshot(body));
    if (snapshot === undefined) return;
    const digest = digestOf(snapshot);
    const { id: session, incarnation, version, dead } = state;
    this.#busy.set(session, dead ? undefined : { session, incarnation, version, digest });
    const value = encodeStored({ header: state, sequence: state.sequence, trueUpTo: ledger.applied, snapshot, digest });
    this.#emit({ type: 'put', session: state.id, value, expected: state.revision, trueUpTo: ledger.applied });
    // one that changes all the time must not keep the others waiting
    ledger.dirty.delete(state.id);
    ledger.dirty.add(state.id);
  }

  /** Whoever differs from what another replica stored at the same version begins anew; if that does not mend it, it is not served. */
  #compare(ledger: Ledger<B>, { session, incarnation, version, digest }: SessionDigest): void {
    const state = ledger.session(session);
    if (state?.body === undefined || state.version !== version || state.incarnation !== incarnation) return;
    const snapshot = ledger.readBody(state, (body) => this.#options.bodies.snapshot(body));
    if (snapshot === undefined) return;
    const own = digestOf(snapshot);
    if (own === digest) {
      this.#drifted.delete(session);
      return;
    }
    const error = new DriftError(session, `a state with the digest ${digest} at version ${version}`, `${own}`);
    if (!this.#drifted.has(session)) ledger.sessions.drifted(error);
    else {
      this.#emit({ type: 'notice', notice: { kind: 'drift', session, error } });
      ledger.quarantine(state, error);
    }
    this.#drifted.add(session);
  }

  #cover(ledger: Ledger<B>, id: SessionId, standing: Standing, trueUpTo: Sequence): void {
    if (trueUpTo > standing.covered) standing.covered = trueUpTo;
    if (standing.sequence <= standing.covered) ledger.clean(id, standing);
  }
}
