/**
 * Keeps the log short: chooses the sessions whose snapshots are written, and what may be trimmed then.
 *
 * Invariant (rules 6 and 7): a record is trimmed only if every session that it changed is in a stored snapshot that is at least
 * as new, and only after a `CHECKPOINT` that says so was stored. A session that did not change never holds the floor back. The
 * last record of a partition is never trimmed: an emptied subject would begin at 0 again. What another release has stored is never
 * written over, and what the log says behind it holds the floor for as long as nobody leads who reads both.
 *
 * The bound: while snapshots can be stored as fast as sessions change, no more than `checkpointRecords` records, and about
 * `checkpointBytes`, stay in the log. A session is written when its oldest unsaved change stands behind half of that, so one that
 * changes all the time is written once in half a log, however often it changes; and a checkpoint is made when it gives up a quarter.
 */
import { sequence } from '../shared/ids.js';
import type { Revision, Sequence, SessionId } from '../shared/ids.js';
import { digestOf, DriftError } from './drift.js';
import type { SessionDigest } from './drift.js';
import type { Effect } from './effect.js';
import type { Ledger } from './ledger.js';
import { LogTail } from './log-tail.js';
import type { FoundSnapshot, Instant, MachineOptions, Removal } from './machine-options.js';
import type { Operation } from './operation.js';
import { isWithheld } from './other-release.js';
import type { CheckpointRecord } from './record.js';
import { ABSENT, encodeStored } from './session-state.js';
import type { SessionState, Standing } from './session-state.js';
import { EMPTY_BYTES } from '../shared/bytes.js';
import type { TwinstateError } from '../shared/errors.js';

/** Digests in one checkpoint, at most: each may cost every replica a whole session's encoding. */
const DIGESTS_MAX = 32;
/** A session whose oldest unsaved change has this part of a full log behind it is written. */
const WRITE_SHARE = 1 / 2;
/** A checkpoint gives up at least this part of a full log, or all that there is. */
const GIVE_UP_SHARE = 1 / 4;
/** Where memory is short, a checkpoint gives up at least so many records. */
const SHORT_RECORDS = 8;
/** Sessions at rest looked at in one tick. */
const TOMBSTONE_STEPS = 16;
/** A log beyond its bound is met with more writes at once, up to so many times as many. */
const PRESSURE_MAX = 8;

const NOTHING: ReadonlyMap<SessionId, Uint8Array> = new Map();

interface Writing {
  readonly bytes: number;
  readonly digest: SessionDigest | undefined;
}

export class Upkeep<B> {
  readonly #options: MachineOptions<B>;
  readonly #emit: (effect: Effect) => void;
  /** Being looked up, or written. */
  readonly #writing = new Map<SessionId, Writing>();
  #writingBytes = 0;
  /** What was written since the last checkpoint: some of it. */
  #written: SessionDigest[] = [];
  /** Found to have drifted once; it outlives a new beginning, which must have mended it. */
  readonly #drifted = new Set<SessionId>();
  readonly #tail = new LogTail();
  #lastRecordMs = 0;
  #weighedMs = -Infinity;
  #floor: Sequence = sequence(0);
  /** The log has refused a record because it is full, and has stored none since. */
  #full = false;
  #roomMs = -Infinity;
  #forgotten = 0;
  #asItIs: ReadonlyMap<SessionId, Uint8Array> = NOTHING;

  constructor(options: MachineOptions<B>, emit: (effect: Effect) => void) {
    this.#options = options;
    this.#emit = emit;
  }

  /** What stands in the log as far as this replica knows: records that no stored checkpoint has given up. */
  get tail(): Pick<LogTail, 'records' | 'bytes' | 'upTo'> {
    return this.#tail;
  }

  /** Takes what goes into the generation that is begun here as other releases have stored it in the one before. */
  carryOver(asItIs: ReadonlyMap<SessionId, Uint8Array>): void {
    this.#asItIs = asItIs;
  }

  /** A term begins. */
  begin(ledger: Ledger<B>): void {
    this.#forgetWriting();
    this.#asItIs = NOTHING;
    ledger.unsaved.savingEnded();
    this.#written = [];
  }

  /** The replica begins anew. */
  reset(): void {
    this.#forgetWriting();
    this.#asItIs = NOTHING;
    this.#floor = sequence(0);
    this.#tail.clear();
  }

  noteRecord(now: Instant, at: Sequence, bytes: number): void {
    this.#tail.note(at, bytes);
    this.#full = false;
    this.#lastRecordMs = now.ms;
  }

  /**
   * The log is full: everything is saved now, and what that gives up is trimmed without a checkpoint, for which there may be no room.
   * That is safe wherever a listing of the snapshots holds all that was stored before it began, as the port demands; a checkpoint
   * follows as soon as it can.
   */
  full(): void {
    this.#full = true;
  }

  /** A stored checkpoint tells every replica what the snapshots hold, so that a later primary does not write them all again. */
  noteCheckpoint(ledger: Ledger<B>, { floor, digests }: CheckpointRecord): void {
    for (const digest of digests) this.#compare(ledger, digest);
    if (floor <= this.#floor) return;
    this.#floor = floor;
    this.#tail.giveUp(floor);
    ledger.unsaved.savedUpTo(floor, (id) => {
      const standing = ledger.sessions.standing(id);
      // which revision holds it is known to the one who wrote it
      if (standing?.revision === ABSENT) standing.revision = undefined;
      return ledger.lastChange(id);
    });
  }

  /** Begins to write what is due, as far as not too much is under way. */
  tick(now: Instant, ledger: Ledger<B>): void {
    const { timing } = this.#options;
    const horizon = this.#horizon(now, ledger);
    if (horizon === undefined) return;
    const { records, bytes } = this.#tail;
    const pressure = Math.min(
      PRESSURE_MAX,
      Math.ceil(Math.max(records / timing.checkpointRecords, bytes / timing.checkpointBytes, 1)),
    );
    const writesMax = timing.snapshotsAtOnce * pressure;
    for (const id of ledger.unsaved.due(horizon)) {
      if (this.#writing.size >= writesMax || this.#writingBytes >= timing.snapshotBytesAtOnce) return;
      const state = ledger.session(id);
      // its own snapshot is still to come: it is loaded first, as anybody would who asks for it
      if (ledger.lacks(id)) this.#emit({ type: 'load', session: id });
      else if (state === undefined) {
        this.#begins(ledger, id, 0, undefined);
        this.#emit({ type: 'remove', session: id });
      } else this.#write(ledger, state);
    }
  }

  /** Writes everything, as fast as may be: nobody is served before it is done. */
  writeAll(ledger: Ledger<B>): void {
    const { snapshotsAtOnce, snapshotBytesAtOnce } = this.#options.timing;
    for (const id of ledger.unsaved.due(ledger.applied)) {
      if (this.#writing.size >= snapshotsAtOnce * PRESSURE_MAX || this.#writingBytes >= snapshotBytesAtOnce * PRESSURE_MAX)
        return;
      this.#write(ledger, ledger.session(id)!);
    }
  }

  /** Gives up what the snapshots hold where the log is full, also while a record is under way: it may be that one that needs the room. */
  makeRoom(now: Instant, ledger: Ledger<B>): void {
    if (!this.#full || now.ms - this.#roomMs < this.#options.timing.snapshotMs) return;
    this.#roomMs = now.ms;
    const floor = floorOf(ledger);
    if (floor > this.#floor) this.#emit({ type: 'trim', upTo: floor });
  }

  /** The floor of a checkpoint that is worth its record, or `undefined`. */
  dueCheckpoint(now: Instant, ledger: Ledger<B>): Sequence | undefined {
    const { timing } = this.#options;
    if (now.ms - this.#weighedMs < timing.snapshotMs) return undefined;
    this.#weighedMs = now.ms;
    const oldest = ledger.unsaved.oldest();
    const floor = floorOf(ledger);
    if (floor <= this.#floor) return undefined;
    const given = this.#tail.upTo(floor);
    const much =
      given.records >= timing.checkpointRecords * GIVE_UP_SHARE || given.bytes >= timing.checkpointBytes * GIVE_UP_SHARE;
    // backups may let a session go once a checkpoint says that it is stored
    const short = ledger.passivation.starved && given.records >= SHORT_RECORDS;
    return much || short || this.#full || (oldest === undefined && this.#rests(now)) ? floor : undefined;
  }

  /** Hands out what the next checkpoint lets everybody compare, once. */
  takeDigests(): readonly SessionDigest[] {
    return this.#written.splice(0);
  }

  put(ledger: Ledger<B>, id: SessionId, revision: Revision | undefined): void {
    const written = this.#ended(id);
    const standing = ledger.sessions.standing(id);
    if (standing === undefined) return;
    standing.revision = revision;
    if (revision === undefined) return ledger.unsaved.notSaved(id);
    if (written?.digest !== undefined && this.#written.push(written.digest) > DIGESTS_MAX) this.#written.shift();
    if (revision > ledger.reliedOn) ledger.reliedOn = revision;
    ledger.unsaved.saved(id);
  }

  /** Takes whether nothing of a forgotten session is stored any more. */
  removed(ledger: Ledger<B>, id: SessionId, removal: Removal): void {
    this.#ended(id);
    if (removal === 'gone') ledger.unsaved.saved(id);
    // what is withheld counts as being saved until the term ends: it holds the floor, and is not tried again
    else if (removal === 'there') ledger.unsaved.notSaved(id);
  }

  /** Tombstones that have been kept long enough and are in the stored snapshots; a few at a time. */
  oldTombstones(now: Instant, ledger: Ledger<B>): Operation[] {
    const before = now.wallMs - this.#options.timing.tombstoneMs;
    const old = ledger.sessions.cold.oldTombstones(before, TOMBSTONE_STEPS).filter((id) => !ledger.unsaved.has(id));
    return old.map((session) => {
      const { version, incarnation, className } = ledger.session(session)!;
      const op = { client: `${this.#options.incarnation}.forget`, counter: ++this.#forgotten };
      const base = { version, incarnation };
      return { kind: 'forget', session, op, base, className, rebased: false, payload: EMPTY_BYTES, backups: 0, waitMs: 0 };
    });
  }

  lookedUp(ledger: Ledger<B>, id: SessionId, found: FoundSnapshot | null | undefined): void {
    this.#ended(id);
    const standing = ledger.sessions.standing(id);
    if (standing === undefined) return;
    if (found === undefined) return ledger.unsaved.notSaved(id);
    if (found?.withheld === true) {
      // the revision of what must not be written over is not for those who write
      standing.revision = undefined;
      // what is newer here counts as being saved until the term ends
      if (standing.sequence <= found.trueUpTo) ledger.unsaved.forget(id);
      return;
    }
    standing.revision = found === null ? ABSENT : found.revision;
    const own = ledger.session(id);
    if (own?.quarantine !== undefined && isEmpty(own) && !own.dead && !coversEmpty(found, own))
      return this.#lookedAtEvidence(ledger, own, found !== null && found.trueUpTo > 0 && found.quarantined !== 'empty');
    // what is stored as unreadable holds nothing of what can be read here
    if (found === null || (found.quarantined !== undefined && own?.body !== undefined)) return ledger.unsaved.notSaved(id);
    if (found.revision > ledger.reliedOn) ledger.reliedOn = found.revision;
    const { trueUpTo } = found;
    if (standing.sequence <= trueUpTo) ledger.unsaved.forget(id);
    else ledger.unsaved.notSaved(id, trueUpTo);
    if (found.digest !== undefined) this.#compare(ledger, found.digest);
  }

  /**
   * A session of which nothing was readable here is stored as such, over what cannot be read, before the log gives up what came behind
   * that: a snapshot on its way from an earlier primary would stand there as the newest state otherwise, and nobody could tell. But
   * where the stored one can be read by now, another primary has mended it: the log holds what came behind it, and this replica begins
   * anew to get both.
   */
  #lookedAtEvidence(ledger: Ledger<B>, own: SessionState<B>, readable: boolean): void {
    ledger.unsaved.notSaved(own.id);
    if (!readable) own.salvaged = EMPTY_BYTES;
    else {
      const mended = 'one that another replica has mended';
      ledger.sessions.drifted(new DriftError(own.id, 'a stored snapshot that cannot be read', mended));
    }
  }

  /** Up to where sessions must be saved now; `undefined` where nothing need be. */
  #horizon(now: Instant, ledger: Ledger<B>): Sequence | undefined {
    if (this.#full || this.#rests(now) || ledger.passivation.starved) return ledger.applied;
    const { checkpointRecords, checkpointBytes } = this.#options.timing;
    return this.#tail.horizon(checkpointRecords * WRITE_SHARE, checkpointBytes * WRITE_SHARE);
  }

  #rests(now: Instant): boolean {
    // a checkpoint leaves itself and the record before it
    return this.#tail.records > 2 && now.ms - this.#lastRecordMs >= this.#options.timing.checkpointIdleMs;
  }

  #write(ledger: Ledger<B>, state: SessionState<B>): void {
    const { id: session, incarnation, version, dead } = state;
    if (isWithheld(state.quarantine)) return this.#writeAsItIs(ledger, session);
    if (state.revision === undefined) {
      this.#begins(ledger, session, 0, undefined);
      this.#emit({ type: 'look-up', session });
      return;
    }
    // a tombstone has no body, and one that cannot be read keeps the last state that could
    const snapshot = dead
      ? EMPTY_BYTES
      : (ledger.readBody(state, (body) => this.#options.bodies.snapshot(body)) ?? state.salvaged);
    if (snapshot === undefined) {
      // nothing of it was ever readable here: somebody may have mended what is stored of it
      this.#begins(ledger, session, 0, undefined);
      this.#emit({ type: 'look-up', session });
      return;
    }
    const digest = digestOf(snapshot);
    const compared = dead || state.quarantine !== undefined ? undefined : { session, incarnation, version, digest };
    const quarantine = state.quarantine === undefined ? undefined : reasonOf(state.quarantine);
    const value = encodeStored({
      header: state,
      sequence: state.sequence,
      trueUpTo: ledger.applied,
      snapshot,
      digest,
      quarantine,
    });
    this.#begins(ledger, session, value.byteLength, compared);
    this.#emit({ type: 'put', session, value, expected: state.revision });
  }

  /** What is withheld is written only into a generation that has nothing of it, as it was; else it counts as being saved until the term ends. */
  #writeAsItIs(ledger: Ledger<B>, session: SessionId): void {
    const value = this.#asItIs.get(session);
    if (value === undefined) return ledger.unsaved.saving(session);
    this.#begins(ledger, session, value.byteLength, undefined);
    this.#emit({ type: 'put', session, value, expected: ABSENT });
  }

  #begins(ledger: Ledger<B>, id: SessionId, bytes: number, digest: SessionDigest | undefined): void {
    this.#writing.set(id, { bytes, digest });
    this.#writingBytes += bytes;
    ledger.unsaved.saving(id);
  }

  #ended(id: SessionId): Writing | undefined {
    const writing = this.#writing.get(id);
    if (writing === undefined) return undefined;
    this.#writing.delete(id);
    this.#writingBytes -= writing.bytes;
    return writing;
  }

  #forgetWriting(): void {
    this.#writing.clear();
    this.#writingBytes = 0;
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
}

/** Of a quarantined one: there is no state of it here, not even an older one. */
function isEmpty<B>({ body, salvaged }: SessionState<B>): boolean {
  return body === undefined && (salvaged === undefined || salvaged.byteLength === 0);
}

/** It was stored as a session of which nothing can be read, behind its last change. */
function coversEmpty(found: FoundSnapshot | null, { sequence: lastChange }: Standing): boolean {
  return found?.quarantined === 'empty' && lastChange <= found.trueUpTo;
}

/** Why it was quarantined first, however often that was written down and read again. */
function reasonOf(quarantine: TwinstateError): string {
  return quarantine.received ?? quarantine.message;
}

/** Up to here every change is in a stored snapshot; the last record is never given up. */
function floorOf<B>(ledger: Ledger<B>): Sequence {
  const oldest = ledger.unsaved.oldest();
  return sequence(Math.min(ledger.beforeApplied, oldest === undefined ? Infinity : oldest - 1));
}
