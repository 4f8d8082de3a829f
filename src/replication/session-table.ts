/**
 * The sessions of one replica: those in use as objects, all others as bytes; of passivated ones only what the protocol must know.
 *
 * Invariant: an id has one state, hot, cold or passive. Asking for a session makes it hot; `cool` and `tick` make the ones that were not
 * asked for since cold again, so that not many more than `hotMax` are hot. A state that was handed out may be changed until one of
 * these two is called: whoever keeps it for longer changes nothing.
 */
import { hash32 } from '../shared/bytes.js';
import type { SessionId } from '../shared/ids.js';
import { ColdSessions } from './cold-sessions.js';
import { DriftError } from './drift.js';
import type { Living } from './expiry.js';
import type { Bodies, SessionState, Standing } from './session-state.js';

/** Hot sessions looked at in one tick: few, so that one that is used every second or so stays hot; and cold ones. */
const TICK_HOT_STEPS = 1;
const TICK_COLD_STEPS = 64;

export class SessionTable<B> {
  readonly #hotMax: number;
  readonly #hot = new Map<SessionId, SessionState<B>>();
  /** Quarantined: few, and what is wrong with them is no bytes. */
  readonly #pinned = new Map<SessionId, SessionState<B>>();
  readonly cold: ColdSessions<B>;
  readonly #passive: ColdSessions<B>;
  /** Of the hot ones, those without a body: few. */
  readonly #hotPassive = new Set<SessionId>();
  #drift: DriftError | undefined;
  /** Steps of cooling that have become due: two for each time that one was asked for. It cannot mark or add more than that. */
  #due = 0;

  /** @param hotMax how many sessions may stay hot although nobody asks for them */
  constructor(bodies: Bodies<B>, hotMax: number) {
    this.#hotMax = hotMax;
    this.cold = new ColdSessions(bodies);
    this.#passive = new ColdSessions(bodies);
  }

  get size(): number {
    return this.#hot.size + this.#pinned.size + this.cold.size + this.#passive.size;
  }

  /** How many are passivated: what is here of them is no more than where they stand. */
  get passive(): number {
    return this.#passive.size + this.#hotPassive.size;
  }

  /** Bytes reserved for all that are not hot. */
  get bytes(): number {
    return this.cold.bytes + this.#passive.bytes;
  }

  /** As `bytes`, without what was freed and is not given back yet. */
  get liveBytes(): number {
    return this.cold.liveBytes + this.#passive.liveBytes;
  }

  isPassive(id: SessionId): boolean {
    return this.#hotPassive.has(id) || (this.#passive.size > 0 && this.#passive.has(id));
  }

  /** Gives up the body of a cold session. @throws {DriftError} where its bytes were damaged */
  passivate(id: SessionId): void {
    const state = this.cold.take(id);
    if (state === undefined) return;
    state.body = undefined;
    state.passive = true;
    this.#passive.put(state);
  }

  /** A passivated session has a body again, or needs none any more. */
  activated(state: SessionState<B>): void {
    state.passive = false;
    this.#hotPassive.delete(state.id);
  }

  /** How many sessions are objects, the quarantined ones not counted. */
  get hotSize(): number {
    return this.#hot.size;
  }

  /** Makes a session hot. @throws {DriftError} where its bytes were damaged */
  get(id: SessionId): SessionState<B> | undefined {
    this.#due += 2;
    const state = this.#hot.get(id) ?? this.#unpin(id) ?? this.#thaw(id);
    if (state !== undefined) state.recent = true;
    return state;
  }

  has(id: SessionId): boolean {
    return this.#hot.has(id) || this.#pinned.has(id) || this.cold.has(id) || this.isPassive(id);
  }

  /** Takes a session that is not here, hot. */
  add(state: SessionState<B>): void {
    this.#due += 2;
    this.#hot.set(state.id, state);
  }

  /** Takes a session that is not here, cold: what a replica loads is not what it will be asked for. */
  store(state: SessionState<B>, used = false): void {
    if (state.quarantine !== undefined) this.#pinned.set(state.id, state);
    else if (!state.passive) this.cold.put(state, used);
    else {
      this.#hotPassive.delete(state.id);
      this.#passive.put(state);
    }
  }

  /** Forgets a session altogether. */
  remove(id: SessionId): void {
    this.#hotPassive.delete(id);
    if (this.#hot.delete(id) || this.#pinned.delete(id)) return;
    if (this.cold.take(id) === undefined) this.#passive.take(id);
  }

  /** Where a session stands, to be read and changed, without making it hot; valid until the next call. */
  standing(id: SessionId): Standing | undefined {
    return this.#hot.get(id) ?? this.#pinned.get(id) ?? this.cold.standing(id) ?? this.#passive.standing(id);
  }

  /** Notes that a session here is not what it should be. */
  drifted(error: DriftError): void {
    this.#drift = error;
  }

  /** Hands out the last such note, once. Asked for after every call of the machine: the replica must begin anew then. */
  takeDrift(): DriftError | undefined {
    const drift = this.#drift;
    this.#drift = undefined;
    return drift;
  }

  /** The ids of all living sessions of a class, in no order. Nothing may be asked for meanwhile. */
  *idsOf(className: string): IterableIterator<SessionId> {
    for (const states of [this.#hot, this.#pinned]) {
      for (const state of states.values()) if (!state.dead && state.className === className) yield state.id;
    }
    yield* this.cold.idsOf(className);
    yield* this.#passive.idsOf(className);
  }

  /** Tells each living session whose id has one of these hashes, without making it hot. Nothing may be asked for meanwhile. */
  lookAt(hashes: readonly number[], look: (session: Living, hash: number) => void): void {
    const wanted = new Set(hashes);
    for (const states of [this.#hot, this.#pinned]) {
      for (const state of states.values()) {
        const hash = hash32(state.id);
        if (!state.dead && wanted.has(hash)) look(state, hash);
      }
    }
    for (const hash of wanted) {
      this.cold.lookAt(hash, (session) => look(session, hash));
      this.#passive.lookAt(hash, (session) => look(session, hash));
    }
  }

  /** All sessions, the cold ones as copies. Nothing may be asked for meanwhile. @throws {DriftError} */
  *states(): IterableIterator<Readonly<SessionState<B>>> {
    yield* this.#hot.values();
    yield* this.#pinned.values();
    yield* this.cold.states();
    yield* this.#passive.states();
  }

  /** Cools as many as were heated, about, if more than `hotMax` are hot. */
  cool(): void {
    this.#coolDown(this.#due, this.#hotMax);
    this.#due = 0;
  }

  /** Cools some of those that nobody asked for during a round of ticks, and settles some cold ones untouched since `beforeMs`. */
  tick(beforeMs: number): void {
    this.cool();
    this.#coolDown(TICK_HOT_STEPS, 0);
    this.cold.settle(beforeMs, TICK_COLD_STEPS);
  }

  /** Cools up to `steps` more, and looks at as many cold ones for such that nobody used since this looked at them last. */
  unused(steps: number, which: 'settled' | 'all'): SessionId[] {
    this.#coolDown(steps, 0);
    return this.cold.unused(steps, which);
  }

  #coolDown(steps: number, hotMax: number): void {
    if (this.#hot.size <= hotMax) return;
    for (const [id, state] of this.#hot) {
      if (steps-- <= 0 || this.#hot.size <= hotMax) return;
      this.#hot.delete(id);
      if (state.recent) {
        // a second chance, behind all others
        state.recent = false;
        this.#hot.set(id, state);
      } else this.store(state, true);
    }
  }

  #unpin(id: SessionId): SessionState<B> | undefined {
    const state = this.#pinned.size === 0 ? undefined : this.#pinned.get(id);
    if (state !== undefined && state.quarantine === undefined) {
      this.#pinned.delete(id);
      this.#hot.set(id, state);
    }
    return state;
  }

  #thaw(id: SessionId): SessionState<B> | undefined {
    try {
      const state = this.cold.take(id) ?? this.#passive.take(id);
      if (state !== undefined) this.#hot.set(id, state);
      if (state?.passive === true) this.#hotPassive.add(id);
      return state;
    } catch (error) {
      if (error instanceof DriftError) this.#drift = error;
      throw error;
    }
  }
}
