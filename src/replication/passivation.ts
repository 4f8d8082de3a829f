/**
 * Which sessions of a replica leave its memory, and how they come back.
 *
 * Invariant: a session leaves only while a stored snapshot holds its last change and nobody has it in use; only its body leaves.
 * What the protocol decides by (version, incarnation, life, last operations) stays, so everything but its content is known without
 * asking anybody. What the log says of its content meanwhile waits for the snapshot, and a snapshot older than what is known here is
 * not it. So a passivated session is late at worst, never older, and never "not there".
 *
 * LRU is approximated by a clock that goes over the packed sessions (F. J. Corbató, 1968): whoever was in use since it came by last
 * is passed over once. It begins above the share and stops an eighth below it.
 */
import { sequence } from '../shared/ids.js';
import type { Sequence, SessionId } from '../shared/ids.js';
import type { LoadedSession, Search } from './applied.js';
import { DeferredEntries } from './deferred-entries.js';
import type { MemoryShare } from './memory-share.js';
import type { Entry } from './record.js';
import type { SessionBodies } from './session-bodies.js';
import type { SessionState, VersionedDelta } from './session-state.js';
import type { SessionTable } from './session-table.js';
import type { UnsavedSessions } from './unsaved-sessions.js';

/** Sessions looked at in one tick: some two thousand a second for each partition. */
const LOOKS = 32;
/** While its slabs take more than its share, they are tidied as if so many bytes were appended in each tick. */
const TIDY_BYTES = 4_096;
/** The part of its share that a replica frees once it is above it. */
const SLACK_SHARE = 1 / 8;
/** While sessions with a body take less than this part of the share, writing snapshots sooner would free nothing worth it. */
const WORTH_SHARE = 1 / 8;

/** The replica around it. */
export interface Passivating<B> {
  readonly sessions: SessionTable<B>;
  readonly unsaved: UnsavedSessions;
  readonly bodies: SessionBodies<B>;
  readonly memory: MemoryShare;
}

export class Passivation<B> {
  readonly #replica: Passivating<B>;
  /** What the log has said of passivated sessions' content. */
  readonly #behind = new DeferredEntries();
  /** Since when a session's snapshot was not found as it should be, while it was asked for. */
  readonly #missedMs = new Map<SessionId, number>();
  #over = false;
  /** Looked at in vain since one was found that could leave. */
  #vain = 0;
  /** As many since one was found that has no history: what others would lose is what commits of older states are merged by. */
  #unsettled = 0;
  #left = 0;
  #came = 0;

  constructor(replica: Passivating<B>) {
    this.#replica = replica;
  }

  /** Sessions that the log has changed and whose snapshots must come. */
  get behind(): Pick<DeferredEntries, 'sessions' | 'size'> {
    return this.#behind;
  }

  /** Everything up to here is in memory, as far as it was not passivated later; `applied` where nothing is awaited. */
  held(applied: Sequence): Sequence {
    const { oldest } = this.#behind;
    return oldest === undefined || oldest > applied ? applied : sequence(oldest - 1);
  }

  /** Memory is short, and what could leave it is in no stored snapshot yet. */
  get starved(): boolean {
    const { sessions, memory } = this.#replica;
    return this.#over && this.#vain > sessions.cold.size && sessions.cold.liveBytes > memory.bytesMax * WORTH_SHARE;
  }

  /** Whether a session that is loaded should stay where it is stored. */
  get full(): boolean {
    return this.#replica.sessions.liveBytes > this.#replica.memory.bytesMax;
  }

  /** How many sessions left memory and came back since the last call. */
  takeMoves(): { readonly left: number; readonly came: number } | undefined {
    if (this.#left === 0 && this.#came === 0) return undefined;
    const moves = { left: this.#left, came: this.#came };
    this.#left = 0;
    this.#came = 0;
    return moves;
  }

  /** Lets a bounded number leave where memory is short. @param inUse has an operation under way, or a watcher */
  tick(inUse: (id: SessionId) => boolean): void {
    const { sessions, unsaved, memory } = this.#replica;
    if (memory.bytesMax === Infinity) return;
    if (!this.#over && sessions.bytes <= memory.bytesMax) return;
    // what has left gave its bytes up; the slabs that they stood in are to be given back, too
    if (sessions.bytes > memory.bytesMax) sessions.cold.tidy(TIDY_BYTES);
    this.#over = sessions.liveBytes > memory.bytesMax * (1 - SLACK_SHARE);
    if (!this.#over) return;
    const settled = this.#unsettled <= sessions.cold.size;
    const found = sessions.unused(LOOKS, settled ? 'settled' : 'all');
    this.#vain += LOOKS;
    this.#unsettled += LOOKS;
    for (const id of found) {
      if (unsaved.has(id) || inUse(id)) continue;
      const before = sessions.cold.liveBytes;
      sessions.passivate(id);
      sessions.cold.tidy(before - sessions.cold.liveBytes);
      this.#vain = 0;
      if (settled) this.#unsettled = 0;
      this.#left++;
    }
  }

  /** Keeps what a record says of a passivated session's content until that is here. */
  follow(at: Sequence, entry: Entry): void {
    this.#behind.add(at, entry);
  }

  /** The session's content is not needed any more: it was destroyed, or came whole. */
  needless(state: SessionState<B>): void {
    this.#replica.sessions.activated(state);
    this.#behind.remove(state.id);
    this.#missedMs.delete(state.id);
  }

  /**
   * Gives a passivated session its content again.
   * @param loaded its stored snapshot, no newer than what is known here; `undefined`: there is none
   * @param search one that is not found as it should be for so long is lost, and quarantined
   */
  activate(state: SessionState<B>, loaded: LoadedSession | undefined, search: Search): void {
    const { bodies } = this.#replica;
    if (loaded?.unreadable !== undefined) {
      this.needless(state);
      return bodies.quarantine(state, loaded.error);
    }
    const deltas = loaded === undefined ? undefined : this.#after(state, loaded);
    if (loaded === undefined || deltas === undefined) {
      const since = this.#missedMs.get(state.id);
      if (since === undefined) this.#missedMs.set(state.id, search.nowMs);
      else if (search.nowMs - since >= search.lostMs) {
        this.needless(state);
        bodies.quarantine(state, new Error(loaded === undefined ? NO_SNAPSHOT : OLD_SNAPSHOT));
      }
      return;
    }
    this.needless(state);
    this.#came++;
    state.revision = loaded.revision;
    if (loaded.quarantine !== undefined) {
      state.salvaged = loaded.snapshot;
      return bodies.quarantine(state, loaded.quarantine);
    }
    bodies.create(state, loaded.snapshot, loaded.header.version, deltas);
  }

  /** What the log has said since a snapshot was taken; `undefined` where the two do not come to what is known here. */
  #after(state: SessionState<B>, { header, quarantine }: Stored): readonly VersionedDelta[] | undefined {
    if (header.incarnation !== state.incarnation || header.dead) return undefined;
    const behind = this.#behind.all(state.id).filter(({ entry }) => entry.to > header.version);
    const whole = behind.every(({ entry }, i) => entry.to === header.version + i + 1);
    if (!whole || header.version + behind.length !== state.version) return undefined;
    // one that was quarantined before has no history that could be missing
    return quarantine === undefined ? behind.map(({ entry }) => ({ version: entry.to, delta: entry.payload })) : [];
  }
}

type Stored = Exclude<LoadedSession, { readonly unreadable: SessionId }>;

const NO_SNAPSHOT = 'it was passivated, and its stored snapshot is gone';
const OLD_SNAPSHOT = 'it was passivated, and its stored snapshot is older than it was';
