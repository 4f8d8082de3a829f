/**
 * What a replica remembers of a log that was lost, and what becomes of it in the generation that goes on.
 *
 * Invariant (rule 10): what was remembered is kept aside until a generation is at work that holds as much of every session, or was
 * offered what it lacks, or it was said that both have gone on by themselves. Nobody is overwritten.
 */
import { EMPTY_BYTES } from '../shared/bytes.js';
import { TwinstateError } from '../shared/errors.js';
import type { Sequence } from '../shared/ids.js';
import type { NodeId, SessionId } from '../shared/ids.js';
import { digestOf } from './drift.js';
import type { Effect } from './effect.js';
import { compareReach, generationOf, leap, leapInto, originalVersion } from './generation.js';
import { Ledger } from './ledger.js';
import type { LoadedSession } from './applied.js';
import type { MachineOptions } from './machine-options.js';
import type { Operation } from './operation.js';
import { isWithheld } from './other-release.js';
import { quarantined } from './session-bodies.js';
import { ABSENT, encodeStored, freshState } from './session-state.js';
import type { SessionState } from './session-state.js';

/** What a generation is begun with. */
export interface CarriedOn<B> {
  readonly ledger: Ledger<B>;
  /** Sessions that another release has stored: their bytes, which go on as they are. */
  readonly asItIs: ReadonlyMap<SessionId, Uint8Array>;
}

export class Inheritance<B> {
  readonly #options: MachineOptions<B>;
  readonly #emit: (effect: Effect) => void;
  #aside: Ledger<B> | undefined;
  #offers = 0;

  constructor(options: MachineOptions<B>, emit: (effect: Effect) => void) {
    this.#options = options;
    this.#emit = emit;
  }

  /** Keeps what is remembered until it was compared with what goes on. */
  setAside(memory: Ledger<B>): void {
    if (memory.sessions.size > 0) this.#aside ??= memory;
  }

  /**
   * Makes the ledger with which this node begins a generation: what it remembers, and whatever of the lost one's snapshots is
   * ahead of that.
   */
  carryOn(memory: Ledger<B>, stored: Iterable<LoadedSession>, seed: Uint8Array, at: Sequence, wallMs: number): CarriedOn<B> {
    const { bodies, timing, memory: memoryShare } = this.#options;
    const found = new Ledger(bodies, timing.hotSessionsMax);
    const all = [...stored];
    // what was still to come of it comes now, before it is gone on from
    const asked = { nowMs: 0, lostMs: Infinity };
    for (const each of memory.loading || memory.sessions.passive > 0 ? all : []) {
      memory.admit(each.unreadable ?? each.header.id, each, asked);
      memory.sessions.cool();
    }
    found.load(all);
    const next = new Ledger(bodies, timing.hotSessionsMax, memoryShare);
    next.apply(at, seed);
    let lost = 0;
    const asItIs = new Map<SessionId, Uint8Array>();
    for (const state of memory.sessions.states()) {
      const other = found.session(state.id);
      if (state.passive || (other === undefined && isWithheld(state.quarantine))) {
        // it is known to be there, and nothing stored is as new as it was: that must not read as "not there"
        lost++;
        next.take(this.#withoutContent(state, at, wallMs));
        continue;
      }
      // whoever reads it may have stored what is not known here
      if (isWithheld(other?.quarantine) && (state.body === undefined || other!.sequence > state.sequence)) continue;
      next.take(this.#leapt(other !== undefined && isAhead(other, state) ? other : state, at, wallMs));
    }
    for (const state of found.sessions.states()) {
      if (!next.sessions.has(state.id)) next.take(this.#leapt(state, at, wallMs));
    }
    for (const each of all) {
      const id = each.unreadable ?? each.header.id;
      if (each.bytes !== undefined && isWithheld(next.session(id)?.quarantine)) asItIs.set(id, each.bytes);
      next.sessions.cool();
    }
    if (lost > 0)
      this.#emit({ type: 'notice', notice: { kind: 'passivated-lost', sessions: lost, error: passivatedLost(lost) } });
    return { ledger: next, asItIs };
  }

  /** The generation that was joined is at work: compares it with what was kept aside, and offers what it lacks. */
  compare(ledger: Ledger<B>): void {
    const aside = this.#aside;
    this.#aside = undefined;
    const { seeding, leader } = ledger;
    if (aside === undefined || seeding === undefined || aside === ledger || leader === undefined) return;
    const farther = compareReach(aside.reach, seeding) > 0;
    // two terms over one lost log: each may have changed what the other did
    const sameTerm = aside.reach.epoch === seeding.epoch;
    for (const old of aside.sessions.states()) {
      const state = ledger.session(old.id);
      const mends = lacksContent(state) && old.body !== undefined && !isAhead(state, old);
      if (!mends && (state === undefined ? old.dead : !isAhead(old, state))) {
        // it went on from the same version by another way: what is ahead of the seed there is missing here
        const same = state !== undefined && state.incarnation === old.incarnation;
        const both = same && state.sequence > seeding.at && farther && old.sequence > seeding.position;
        // somebody who lagged took the lead of a log that was rolled back, at a position that had been another record's
        const overtaken = same && aside.reach.epoch < seeding.epoch && old.sequence >= seeding.epoch;
        if (both || overtaken) this.#diverged(old.id);
        continue;
      }
      if (state !== undefined && (state.sequence !== seeding.at || !sameTerm)) this.#diverged(old.id);
      else this.#offer(old, leader, generationOf(seeding.at));
    }
  }

  /** The state travels as it would be stored: with the last operations of its clients, so that none of them is done again. */
  #offer(old: Readonly<SessionState<B>>, to: NodeId, generation: number): void {
    const { bodies, incarnation } = this.#options;
    if (!old.dead && old.body === undefined) return;
    const snapshot = old.body === undefined ? EMPTY_BYTES : bodies.snapshot(old.body);
    const { sequence: lastChange, incarnation: life, version } = old;
    const operation: Operation = {
      kind: 'adopt',
      session: old.id,
      op: { client: `${incarnation}.offer`, counter: ++this.#offers },
      base: { version: leapInto(version, lastChange, generation), incarnation: life },
      className: old.className,
      rebased: false,
      payload: encodeStored({ header: old, sequence: lastChange, trueUpTo: lastChange, snapshot, digest: digestOf(snapshot) }),
      backups: 0,
      waitMs: 0,
    };
    this.#emit({ type: 'offer', to, operation });
  }

  /** The primary does not take over what this replica offers: the session has gone on there. */
  refused(session: SessionId): void {
    this.#diverged(session);
  }

  #diverged(session: SessionId): void {
    this.#emit({ type: 'notice', notice: { kind: 'diverged', session, error: diverged(session) } });
  }

  /** What was passivated, where its snapshot was lost, too: everything of it but its content. */
  #withoutContent(state: Readonly<SessionState<B>>, at: Sequence, wallMs: number): SessionState<B> {
    return { ...this.#leapt(state, at, wallMs), passive: false, salvaged: EMPTY_BYTES, quarantine: contentLost(state.id) };
  }

  #leapt(state: Readonly<SessionState<B>>, at: Sequence, wallMs: number): SessionState<B> {
    const { bodies } = this.#options;
    const version = leap(state.version);
    const next: SessionState<B> = { ...freshState<B>(state.id), ...state, ops: new Map(state.ops), version };
    next.sequence = at;
    // whoever was away has yet to see how it ended, and would offer it as it was
    if (next.dead) next.touchedAtMs = Math.max(next.touchedAtMs, wallMs);
    // nobody else writes snapshots of a generation before it is whole
    next.revision = ABSENT;
    next.body = undefined;
    // what is stored as evidence stays behind with the lost generation, and here it must not read as "not there"
    if (state.quarantine !== undefined && !state.dead) next.salvaged ??= EMPTY_BYTES;
    if (state.body !== undefined) {
      const { body } = state;
      try {
        next.body = bodies.create(bodies.snapshot(body), version);
      } catch (cause) {
        next.salvaged = bodies.salvage(body);
        next.quarantine = quarantined(state.id, cause);
      }
    }
    return next;
  }
}

/** `old` holds more of a session than `state`: a later life of it, or more commits of the same. */
function isAhead<B>(old: Readonly<SessionState<B>>, state: Readonly<SessionState<B>>): boolean {
  if (old.incarnation !== state.incarnation) return old.incarnation > state.incarnation;
  return originalVersion(old.version, old.sequence) > originalVersion(state.version, state.sequence);
}

/** It lives, and nothing of its content is left here. */
function lacksContent<B>(state: Readonly<SessionState<B>> | undefined): state is SessionState<B> {
  return state?.quarantine !== undefined && (state.salvaged === undefined || state.salvaged.byteLength === 0);
}

function passivatedLost(sessions: number): TwinstateError {
  return new TwinstateError('LOG_LOST', `${sessions} sessions were passivated, and their snapshots were lost with the log`, {
    expected: 'stored snapshots as new as the sessions that rely on them',
    received: 'none, or older ones',
    cure: 'another node that has them in memory offers them; all others are quarantined until they are destroyed',
  });
}

function contentLost(session: SessionId): TwinstateError {
  return quarantined(session, new Error('it was passivated, and its snapshot was lost with the log'));
}

function diverged(session: SessionId): TwinstateError {
  return new TwinstateError('LOG_LOST', `two nodes went on with session ${JSON.stringify(session)} after the log was lost`, {
    expected: 'one history',
    received: 'commits that only a node that was away remembers, and others that were made meanwhile',
    cure: 'what was made meanwhile stays; compare with what users report, and repeat what is missing',
  });
}
