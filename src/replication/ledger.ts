/**
 * A replica of one partition: its sessions as of one position in the log.
 *
 * Invariant: the ledger equals the snapshots that it was loaded from plus every record up to `applied`, and nothing else; only
 * `apply` moves it, one record at a time, and a record moves it only if its `prev` names the record applied last. So a gap, a
 * reordering and a lost and rewritten tail are all seen (rule 2), and a primary and its backups cannot come to differ.
 */
import { TwinstateError } from '../shared/errors.js';
import { epoch, sequence } from '../shared/ids.js';
import type { Epoch, NodeId, Revision, Sequence, SessionId } from '../shared/ids.js';
import { crc32 } from '../wire/checksum.js';
import { decodeRecord } from './record.js';
import { Expiry } from './expiry.js';
import { LogExtent } from './log-extent.js';
import type { CheckpointRecord, CommitRecord, Entry, LeadRecord, LogRecord, RecordId } from './record.js';
import { applyEntry, freshState } from './session-state.js';
import type { Bodies, SessionState, Standing, StoredSession } from './session-state.js';
import { SessionTable } from './session-table.js';
import { DEFAULT_TIMING } from './timing.js';

/** What one record did to a ledger. */
export type Applied =
  /** It stands at or before the position: seen already. */
  | { readonly kind: 'seen' }
  | { readonly kind: 'lead'; readonly record: LeadRecord; readonly previousLeader: NodeId | undefined }
  | { readonly kind: 'commit'; readonly record: CommitRecord; readonly fenced: boolean; readonly changed: ReadonlySet<SessionId> }
  | { readonly kind: 'checkpoint'; readonly record: CheckpointRecord }
  /** It is no record of ours: counted, stepped over. Should a record of ours have been damaged, the next one's `prev` shows it. */
  | { readonly kind: 'foreign'; readonly error: TwinstateError }
  /** It does not follow what was applied: start again from the snapshots. Nothing was changed. */
  | { readonly kind: 'gap'; readonly why: string };

/** A snapshot that was read from the store, with its revision; or a session whose snapshot cannot be read. */
export type LoadedSession =
  | (StoredSession & { readonly revision: Revision; readonly unreadable?: undefined })
  | { readonly unreadable: SessionId; readonly error: unknown; readonly revision: Revision };

export class Ledger<B> {
  readonly #bodies: Bodies<B>;
  readonly #quarantined: SessionState<B>[] = [];
  readonly sessions: SessionTable<B>;
  readonly expiry = new Expiry();
  /** Sessions that are not dead. */
  living = 0;
  /** What the log keeps. */
  readonly log = new LogExtent();
  /** Sessions with a change that no stored snapshot is known to hold, the one changed first in front. */
  readonly dirty = new Set<SessionId>();
  /** The sequence and id of the record applied last. */
  applied: Sequence = sequence(0);
  lastId: RecordId = '';
  /** The sequence of the record before it: the last record of a partition is never trimmed. */
  beforeApplied: Sequence = sequence(0);
  epoch: Epoch = epoch(0);
  leader: NodeId | undefined;
  /** Records that are none of ours, since the ledger began. */
  foreign = 0;
  /** The highest snapshot revision that this replica was built from or has stored. */
  reliedOn: Revision = 0 as Revision;

  /** @param hotSessionsMax see `Timing` */
  constructor(bodies: Bodies<B>, hotSessionsMax = DEFAULT_TIMING.hotSessionsMax) {
    this.#bodies = bodies;
    this.sessions = new SessionTable(bodies, hotSessionsMax);
  }

  /** A session to read or change until the next record is applied. @throws {DriftError} where its bytes were damaged */
  session(id: SessionId): SessionState<B> | undefined {
    return this.sessions.get(id);
  }

  /** Sessions that may be over by this clock; some of them. */
  due(wallMs: number, clockSkewMs: number): SessionId[] {
    return this.expiry.due(this.sessions, { wallMs, term: this.epoch, clockSkewMs });
  }

  /** Notes that a stored snapshot holds all of a session. */
  clean(id: SessionId, standing: Standing): void {
    standing.dirtySince = sequence(0);
    this.dirty.delete(id);
  }

  /** Takes the stored sessions that a joining replica read. The log is applied after it. */
  load(stored: Iterable<LoadedSession>): void {
    for (const each of stored) {
      if (each.revision > this.reliedOn) this.reliedOn = each.revision;
      const state = freshState<B>(each.unreadable ?? each.header.id);
      state.revision = each.revision;
      if (each.unreadable !== undefined) {
        state.dead = false;
        this.quarantine(state, each.error);
      } else {
        const { header, sequence: at, trueUpTo, snapshot } = each;
        Object.assign(state, header, { sequence: at, covered: trueUpTo });
        if (!header.dead) this.#body(state, () => this.#bodies.create(snapshot, header.version));
      }
      this.sessions.store(state);
      if (state.dead) continue;
      this.living++;
      this.expiry.add(state);
    }
  }

  /** Takes the oldest records that the log still has as the beginning of the chain; `load` holds what came before them. */
  begin(oldest: Iterable<Uint8Array>): void {
    let first = true;
    for (const bytes of oldest) {
      const record = tryDecode(bytes);
      if (!(record instanceof TwinstateError)) {
        if (first) {
          this.applied = record.prev.sequence;
          this.lastId = record.prev.id;
        }
        if (record.type !== 'lead') {
          this.epoch = record.epoch;
          this.leader = record.node;
        }
        return;
      }
      first = false;
    }
  }

  /** @param joining the log is being read from its oldest record, so that nothing of it can be missing here */
  apply(at: Sequence, bytes: Uint8Array, joining = false): Applied {
    if (at <= this.applied) return { kind: 'seen' };
    const applied = this.#apply(at, bytes, joining);
    if (applied.kind !== 'gap') this.log.add(at, bytes.byteLength);
    if (applied.kind === 'checkpoint') this.log.trim(applied.record.floor);
    return applied;
  }

  #apply(at: Sequence, bytes: Uint8Array, joining: boolean): Applied {
    // nobody holds a state now: what the records before it heated may cool
    this.sessions.cool();
    const record = tryDecode(bytes);
    if (record instanceof TwinstateError) {
      this.foreign++;
      this.#advance(at, foreignId(bytes));
      return { kind: 'foreign', error: record };
    }
    if (joining && record.prev.sequence < this.applied) {
      // a conditional append cannot have put it here: somebody stored a copy of an old record
      this.foreign++;
      this.#advance(at, foreignId(bytes));
      return { kind: 'foreign', error: outOfPlace(at, record.prev.sequence, this.beforeApplied) };
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
    if (record.type === 'checkpoint') {
      this.#advance(at, record.id);
      return { kind: 'checkpoint', record };
    }
    const fenced = record.epoch !== this.epoch;
    const changed = new Set<SessionId>();
    if (!fenced) {
      const held = this.#heldAlready(at, record.entries);
      const gap = this.#versionGap(at, record.entries, held);
      if (gap !== undefined) return { kind: 'gap', why: gap };
      for (const entry of record.entries) {
        if (!held.has(entry.session) && this.#applyEntry(at, entry)) changed.add(entry.session);
      }
    }
    this.#advance(at, record.id);
    return { kind: 'commit', record, fenced, changed };
  }

  /** Sessions whose snapshot was taken behind this record. Asked before anything is applied: a batch may hold several of one. */
  #heldAlready(at: Sequence, entries: readonly Entry[]): ReadonlySet<SessionId> {
    const held = new Set<SessionId>();
    for (const { session } of entries) {
      const standing = this.sessions.standing(session);
      if (standing !== undefined && standing.sequence >= at) held.add(session);
    }
    return held;
  }

  /** Looks for a version that is missing, before anything is applied. */
  #versionGap(at: Sequence, entries: readonly Entry[], held: ReadonlySet<SessionId>): string | undefined {
    const reached = new Map<SessionId, number>();
    for (const entry of entries) {
      if (held.has(entry.session)) continue;
      const state = this.sessions.get(entry.session);
      // what is quarantined has no history that could be missing
      if (state?.quarantine !== undefined) continue;
      const have = reached.get(entry.session) ?? state?.version ?? 0;
      if (entry.kind !== 'touch' && entry.to <= have) continue;
      if (entry.from !== have) return `record ${at} takes a session to version ${entry.to} from ${entry.from}, not from ${have}`;
      reached.set(entry.session, entry.to);
    }
    return undefined;
  }

  #applyEntry(at: Sequence, entry: Entry): boolean {
    let state = this.sessions.get(entry.session);
    if (state === undefined) {
      state = freshState<B>(entry.session);
      this.sessions.add(state);
    }
    if (entry.kind !== 'touch' && entry.to <= state.version) return false;
    const { dead } = state;
    applyEntry(state, entry, at);
    if (state.dead !== dead) this.living += dead ? 1 : -1;
    state.sequence = at;
    if (state.dirtySince === 0) state.dirtySince = at;
    this.dirty.add(state.id);
    if (entry.kind === 'create') {
      state.quarantine = undefined;
      this.expiry.add(state);
      this.#body(state, () => this.#bodies.create(entry.payload, entry.to));
    } else if (entry.kind === 'destroy') {
      state.body = undefined;
      state.quarantine = undefined;
    } else if (entry.kind === 'commit' && state.body !== undefined) {
      const body = state.body;
      this.#body(state, () => {
        this.#bodies.append(body, entry.payload, entry.to);
        return body;
      });
    }
    return true;
  }

  /**
   * Reads a session's body. A delta is kept without being applied, so that it fits nothing may show only here: then the session
   * is quarantined, and only it. `undefined`: there is no body that can be read.
   */
  readBody<T>(state: SessionState<B>, read: (body: B) => T): T | undefined {
    if (state.body === undefined) return undefined;
    try {
      return read(state.body);
    } catch (cause) {
      this.quarantine(state, cause);
      return undefined;
    }
  }

  /** Sessions that were quarantined since the last call. */
  takeQuarantined(): SessionState<B>[] {
    return this.#quarantined.splice(0);
  }

  /** One poison session is one session: its bytes may be unreadable, the partition goes on. */
  #body(state: SessionState<B>, make: () => B): void {
    try {
      state.body = make();
    } catch (cause) {
      this.quarantine(state, cause);
    }
  }

  /** Serves a session no more, until it is destroyed or created anew. */
  quarantine(state: SessionState<B>, cause: unknown): void {
    state.body = undefined;
    this.#quarantined.push(state);
    state.quarantine = new TwinstateError('SESSION_QUARANTINED', `session ${JSON.stringify(state.id)} cannot be read`, {
      received: cause instanceof Error ? cause.message : String(cause),
      cure: 'destroy it and create it anew; all other sessions go on',
      cause,
    });
  }

  #advance(at: Sequence, id: RecordId): void {
    this.beforeApplied = this.applied;
    this.applied = at;
    this.lastId = id;
  }
}

function outOfPlace(at: Sequence, claimed: Sequence, follows: Sequence): TwinstateError {
  return new TwinstateError('BYTES_CORRUPT', `record ${at} stands where no node can have put it`, {
    expected: `one that follows record ${follows}`,
    received: `one that follows record ${claimed}`,
    cure: 'find out who else publishes into the log; nothing of it was applied',
  });
}

function tryDecode(bytes: Uint8Array): LogRecord | TwinstateError {
  try {
    return decodeRecord(bytes);
  } catch (error) {
    if (error instanceof TwinstateError) return error;
    throw error;
  }
}

/** The id under which every replica remembers a record that is none of ours. */
function foreignId(bytes: Uint8Array): RecordId {
  return `?${crc32(bytes).toString(36)}.${bytes.byteLength}`;
}
