/**
 * A replica of one partition: its sessions as of one position in the log.
 *
 * Invariant: the ledger equals the snapshots that it was loaded from plus every record up to `applied`, and nothing else; only
 * `apply` moves it, one record at a time, and a record moves it only if its `prev` names the record applied last, or, where it has none to
 * believe, if both were read together. So a gap, a reordering and a lost and rewritten tail are all seen (rule 2), and a primary and its
 * backups cannot come to differ.
 */
import { TwinstateError } from '../shared/errors.js';
import { epoch, sequence } from '../shared/ids.js';
import type { Epoch, NodeId, Revision, Sequence, SessionId } from '../shared/ids.js';
import { Expiry } from './expiry.js';
import { DeferredEntries } from './deferred-entries.js';
import type { Memory, Seeding } from './generation.js';
import { foreignId, mayBeOurs, outOfPlace, tryDecode, unplaced } from './foreign-record.js';
import type { LogOrigin } from './log-origin.js';
import { isStep, isWhole } from './record.js';
import type { Entry, LogRecord, RecordId } from './record.js';
import { adoptHeader, applyEntry, decodeStored, freshState, mayBeTombstone } from './session-state.js';
import type { Bodies, SessionState } from './session-state.js';
import { SessionBodies } from './session-bodies.js';
import { SessionTable } from './session-table.js';
import { Passivation } from './passivation.js';
import { UNLIMITED, type MemoryShare } from './memory-share.js';
import { standingOf } from './applied.js';
import type { Applied, LoadedSession, Search } from './applied.js';
import { DEFAULT_TIMING, type Timing } from './timing.js';
import { UnsavedSessions } from './unsaved-sessions.js';
import { gapBefore, gapBehind, heldAlready, missingBehind, NO_SESSIONS } from './version-gap.js';

export class Ledger<B> {
  readonly #bodies: SessionBodies<B>;
  readonly passivation: Passivation<B>;
  readonly sessions: SessionTable<B>;
  readonly expiry = new Expiry();
  /** Sessions that are not destroyed. */
  living = 0;
  readonly unsaved = new UnsavedSessions();
  /** The sequence and id of the record applied last. */
  applied: Sequence = sequence(0);
  lastId: RecordId = '';
  /** The record before it: the last one of a partition is never trimmed. */
  beforeApplied: Sequence = sequence(0);
  /** The term of the record applied last, and whose it is. */
  epoch: Epoch = epoch(0);
  leader: NodeId | undefined;
  /** Records that are none of ours, since the ledger began. */
  foreign = 0;
  /**
   * Sessions are still being loaded: one that is not here may be in a stored snapshot. What the log says of it waits in `#deferred`,
   * so the ledger is what it will be when it is here, and nobody can tell the difference who asks `lacks` first.
   */
  #loading = false;
  readonly #deferred = new DeferredEntries();
  /** Tombstones that ended while sessions are being loaded: what a look at the snapshots still finds of them was before that. */
  readonly #forgotten = new Set<SessionId>();
  /** The stored sessions are all here only when a snapshot of this revision was seen (rule 8). */
  loadUntil: Revision = 0 as Revision;
  /** Which log this was read from; empty where that is not known. */
  identity = '';
  /** How this generation began; `undefined` in the first one. */
  seeding: Seeding | undefined;
  /** False between a `SEED` and the `CHECKPOINT` that says that all sessions are stored. */
  complete = true;
  /** Up to where the newest loaded snapshot was true. */
  #loadedUpTo: Sequence = sequence(0);
  /** The last record applied ends the generation. */
  #ended = false;
  /** The highest snapshot revision that this replica was built from or has stored. */
  reliedOn: Revision = 0 as Revision;

  /** @param hotSessionsMax see `Timing` */
  constructor(bodies: Bodies<B>, hotSessionsMax = DEFAULT_TIMING.hotSessionsMax, memory: MemoryShare = UNLIMITED) {
    this.#bodies = new SessionBodies(bodies);
    this.sessions = new SessionTable(bodies, hotSessionsMax);
    const { sessions, unsaved } = this;
    this.passivation = new Passivation({ sessions, unsaved, bodies: this.#bodies, memory });
  }

  /** How far this replica's memory reaches: where a later generation would go on from it (rule 10). */
  get reach(): Memory {
    // what is not here yet cannot be gone on from
    if (this.#loading) return { epoch: epoch(0), position: this.#loadedUpTo, identity: this.identity };
    // the record that ends a generation is nothing that anybody remembers
    const position = this.#ended ? this.beforeApplied : this.applied;
    // one snapshot that is newer says nothing of all other sessions; without any record the snapshots are all that there is
    return { epoch: this.epoch, position: position === 0 ? this.#loadedUpTo : position, identity: this.identity };
  }

  /** Takes a session into a ledger that begins a generation: no snapshot of it is stored there. */
  take(state: SessionState<B>): void {
    this.sessions.store(state);
    if (!state.dead) this.#lives(state);
    this.unsaved.changed(state.id, this.applied);
  }

  #lives(state: SessionState<B>): void {
    this.living++;
    this.expiry.add(state);
  }

  get loading(): boolean {
    return this.#loading;
  }

  /** The stored sessions are still to come: each by `admit`, and `endLoading` at the end. */
  beginLoading(reliesOn: Revision): void {
    this.#loading = true;
    this.loadUntil = reliesOn;
  }

  /** True where a session must be admitted before it can be served. */
  lacks(id: SessionId): boolean {
    return this.#absent(id) || this.sessions.isPassive(id);
  }

  #absent(id: SessionId): boolean {
    return this.#loading && !this.sessions.has(id) && !this.#forgotten.has(id);
  }

  /** Sessions that the log has changed and whose snapshots are still to come. */
  get awaited(): Iterable<SessionId> {
    return this.#deferred.sessions;
  }

  /** Where a session's last change stands; 0 where it has none that is known. */
  lastChange(id: SessionId): Sequence {
    return this.#deferred.lastOf(id) ?? this.sessions.standing(id)?.sequence ?? sequence(0);
  }

  /**
   * Takes a stored session, or that there is none, and what the log has said of it since.
   * @param found when, and for how long a passivated one is looked for; not given: it was not asked for, and stays where it is stored
   * @returns why it cannot be: the snapshot is older than what the log still has
   */
  admit(id: SessionId, loaded: LoadedSession | undefined, found?: Search): string | undefined {
    if (this.sessions.isPassive(id) && found !== undefined) this.#activate(id, loaded, found);
    if (!this.#absent(id)) return undefined;
    const missing = missingBehind(loaded, this.#deferred.all(id));
    const gap = gapBehind(loaded, missing);
    if (gap !== undefined) return gap;
    this.#deferred.remove(id);
    if (loaded !== undefined) this.load([loaded], found !== undefined);
    for (const { at, entry } of missing) this.#applyEntry(at, entry);
    // the snapshot has all that held the log for it
    if (missing.length === 0) this.unsaved.forget(id);
    return undefined;
  }

  #activate(id: SessionId, loaded: LoadedSession | undefined, search: Search): void {
    const state = this.sessions.get(id)!;
    if (loaded !== undefined && loaded.revision > this.reliedOn) this.reliedOn = loaded.revision;
    if (loaded === undefined || loaded.unreadable !== undefined || loaded.sequence <= state.sequence)
      return this.passivation.activate(state, loaded, search);
    // it holds what this replica has still to read in the log
    this.passivation.needless(state);
    this.sessions.remove(id);
    this.unsaved.forget(id);
    this.living--;
    this.load([loaded], true);
  }

  /**
   * All stored sessions were admitted: one that is not here is nowhere from now on.
   * @returns why that cannot be: the log goes on from what is nowhere; then it loads as before
   */
  endLoading(): string | undefined {
    for (const id of [...this.awaited]) {
      const gap = this.admit(id, undefined);
      if (gap !== undefined) return gap;
    }
    this.#loading = false;
    this.#forgotten.clear();
    return undefined;
  }

  /** A session to read or change until the next record is applied. @throws {DriftError} where its bytes were damaged */
  session(id: SessionId): SessionState<B> | undefined {
    return this.sessions.get(id);
  }

  /** Packs some of those that nobody uses, and returns some of those that may be over by this clock. */
  tick(wallMs: number, { historyMs, clockSkewMs }: Timing, inUse: (id: SessionId) => boolean = () => false): SessionId[] {
    this.sessions.tick(wallMs - historyMs);
    this.passivation.tick(inUse);
    return this.expiry.due(this.sessions, { wallMs, term: this.epoch, clockSkewMs });
  }

  /** Takes the stored sessions that a joining replica read. The log is applied after it. @param asked whole, however short memory is */
  load(stored: Iterable<LoadedSession>, asked = false): void {
    for (const each of stored) {
      if (each.revision > this.reliedOn) this.reliedOn = each.revision;
      const { sequence: at, trueUpTo } = standingOf(each);
      if (trueUpTo > this.#loadedUpTo) this.#loadedUpTo = trueUpTo;
      const state = { ...freshState<B>(each.unreadable ?? each.header.id), revision: each.revision, sequence: at };
      if (each.unreadable !== undefined) {
        state.dead = false;
        this.quarantine(state, each.error);
      } else {
        const { header, snapshot, quarantine } = each;
        Object.assign(state, header);
        if (quarantine !== undefined) {
          state.salvaged = snapshot;
          this.quarantine(state, quarantine);
        } else if (!header.dead && !asked && this.passivation.full) state.passive = true;
        else if (!header.dead) this.#bodies.create(state, snapshot, header.version);
      }
      this.sessions.store(state);
      if (!state.dead) this.#lives(state);
    }
  }

  /** Takes what stands before the oldest record that the log still has; `load` holds what came of it. */
  begin(origin: LogOrigin): void {
    Object.assign(this, origin);
  }

  /**
   * Takes the next record, or says why it cannot be: then nothing was changed.
   *
   * @param at its place in the log; one at or before `applied` was seen
   * @param bytes as they stand there
   * @param inTurn it was read together with the record applied last, or the log is read from its oldest one: nothing can be missing before it
   * @param known what the bytes say, where this replica wrote them: its deltas are checked
   */
  apply(at: Sequence, bytes: Uint8Array, inTurn = false, known?: LogRecord): Applied {
    if (at <= this.applied) return { kind: 'seen' };
    // nobody holds a state now: what the records before it heated may cool
    this.sessions.cool();
    const record = known ?? tryDecode(bytes);
    if (record instanceof TwinstateError) {
      if (mayBeOurs(record)) return { kind: 'stop', at, error: record };
      return inTurn ? this.#foreign(at, bytes, record) : unplaced(at, this.applied);
    }
    if (record.type === 'end') {
      if (!inTurn) return unplaced(at, this.applied);
      // whoever wrote it may not have known what it follows: it says only that nothing behind it counts
      this.#advance(at, record.id);
      this.#ended = true;
      return { kind: 'end' };
    }
    if (record.prev.sequence < this.applied) {
      if (!inTurn) return unplaced(at, this.applied);
      // a conditional append cannot have put it here: somebody stored a copy of an old record
      return this.#foreign(at, bytes, outOfPlace(at, record.prev.sequence, this.applied));
    }
    if (record.prev.sequence !== this.applied || record.prev.id !== this.lastId) {
      return { kind: 'gap', why: `record ${at} follows ${record.prev.sequence}, not ${this.applied}` };
    }
    if (record.type === 'lead') {
      const previousLeader = this.leader;
      this.#advance(at, record.id);
      this.epoch = epoch(at);
      this.leader = record.node;
      return { kind: 'lead', record, previousLeader };
    }
    if (record.type === 'seed') {
      this.#advance(at, record.id);
      this.epoch = epoch(at);
      this.leader = record.node;
      this.seeding = { at, node: record.node, epoch: record.epoch, position: record.position };
      this.complete = false;
      return { kind: 'seed', record };
    }
    // all that was read before were strangers' records, which say nothing of the term
    if (this.epoch === 0) {
      this.epoch = record.epoch;
      this.leader = record.node;
    }
    if (record.type === 'checkpoint') {
      this.#advance(at, record.id);
      this.seeding = record.seeding;
      this.complete = true;
      return { kind: 'checkpoint', record };
    }
    const fenced = record.epoch !== this.epoch;
    const changed = new Set<SessionId>();
    if (!fenced) {
      // what this replica has written follows the very states that are here: `prev` says that nothing came in between
      const own = known !== undefined && !this.#loading;
      const held = own ? NO_SESSIONS : heldAlready(at, record.entries, this.sessions);
      const gap = own ? undefined : gapBefore(at, record.entries, held, this.sessions, this.#loading);
      if (gap !== undefined) return { kind: 'gap', why: gap };
      for (const entry of record.entries) {
        if (!own && this.#defers(at, entry)) changed.add(entry.session);
        else if (!held.has(entry.session) && this.#applyEntry(at, entry, known !== undefined)) changed.add(entry.session);
      }
    }
    this.#advance(at, record.id);
    return { kind: 'commit', record, fenced, changed };
  }

  /** Keeps what the log says of a session that is not here yet. A first version can follow nothing that is stored. */
  #defers(at: Sequence, entry: Entry): boolean {
    if (!this.#deferred.has(entry.session) && (!this.#absent(entry.session) || entry.from === 0)) return false;
    this.#deferred.add(at, entry);
    if (entry.kind === 'forget') this.#ends(at, entry.session);
    else this.unsaved.changed(entry.session, at);
    return true;
  }

  /** Counts a session from its end until nothing of it is stored: an old tombstone must not meet a new life. What came before is given up earlier. */
  #ends(at: Sequence, id: SessionId): void {
    this.unsaved.forget(id);
    this.unsaved.changed(id, at);
  }

  #applyEntry(at: Sequence, entry: Entry, checked = false): boolean {
    let state = this.sessions.get(entry.session);
    if (entry.kind === 'forget') {
      if (this.#loading) this.#forgotten.add(entry.session);
      if (state === undefined || !mayBeTombstone(state, entry.from)) return false;
      if (!state.dead) this.living--;
      this.sessions.remove(state.id);
      // what waited for its snapshot was counted in the order of the log
      if (at > this.applied) this.#ends(at, state.id);
      return false;
    }
    if (state === undefined) {
      state = freshState<B>(entry.session);
      this.sessions.add(state);
    }
    if (isStep(entry.kind) && entry.to <= state.version) return false;
    const { dead } = state;
    applyEntry(state, entry, at);
    state.sequence = at;
    this.unsaved.changed(state.id, at);
    if (state.passive && entry.kind === 'commit') this.passivation.follow(at, entry);
    else if (state.passive && entry.kind !== 'touch') this.passivation.needless(state);
    if (isWhole(entry.kind)) {
      state.quarantine = undefined;
      state.salvaged = undefined;
      if (entry.kind === 'adopt') this.#adopt(state, entry);
      else this.#bodies.create(state, entry.payload, entry.to);
      if (!state.dead) this.expiry.add(state);
    } else if (entry.kind === 'destroy') {
      state.body = undefined;
      state.quarantine = undefined;
      state.salvaged = undefined;
    } else if (entry.kind === 'commit') this.#bodies.append(state, entry, checked);
    if (state.dead !== dead) this.living += dead ? 1 : -1;
    return true;
  }

  /** Takes a state over as somebody remembers it. */
  #adopt(state: SessionState<B>, entry: Entry): void {
    try {
      const { header, snapshot } = decodeStored(entry.payload);
      adoptHeader(state, header);
      if (header.dead) state.body = undefined;
      else this.#bodies.create(state, snapshot, entry.to);
    } catch (cause) {
      this.quarantine(state, cause);
    }
  }

  /** Reads a session's body; `undefined`: there is none that can be read. */
  readBody<T>(state: SessionState<B>, read: (body: B) => T): T | undefined {
    return this.#bodies.read(state, read);
  }

  /** Hands out the sessions that were quarantined since the last call, once. */
  takeQuarantined(): readonly SessionState<B>[] {
    return this.#bodies.takeQuarantined();
  }

  /** Serves a session no more, until it is destroyed or created anew; all others go on. */
  quarantine(state: SessionState<B>, cause: unknown): void {
    this.#bodies.quarantine(state, cause);
  }

  #foreign(at: Sequence, bytes: Uint8Array, error: TwinstateError): Applied {
    this.foreign++;
    this.#advance(at, foreignId(bytes));
    return { kind: 'foreign', error };
  }

  #advance(at: Sequence, id: RecordId): void {
    this.beforeApplied = this.applied;
    this.applied = at;
    this.lastId = id;
  }
}
