/**
 * A replica whose log was lost: it agrees with the others who goes on, and nothing that anybody remembers is forgotten on the way.
 *
 * Invariant (rule 10): what was remembered when the log was lost is kept aside until a generation is at work that holds as much of
 * every session, or was offered what it lacks, or it was said that both have gone on by themselves. Nobody is overwritten.
 */
import { TwinstateError } from '../shared/errors.js';
import { sequence } from '../shared/ids.js';
import type { NodeId, SessionId } from '../shared/ids.js';
import { EMPTY_BYTES } from '../shared/bytes.js';
import { digestOf } from './drift.js';
import type { Effect } from './effect.js';
import { compareReach, generationOf, leap, leapInto, originalVersion } from './generation.js';
import type { Memory } from './generation.js';
import { Ledger } from './ledger.js';
import type { LoadedSession } from './ledger.js';
import type { Instant, MachineOptions } from './machine-options.js';
import type { Operation } from './operation.js';
import { encodeRecord } from './record.js';
import type { RecordId } from './record.js';
import { ABSENT, encodeStored, freshState } from './session-state.js';
import type { SessionState } from './session-state.js';
import { SeedChoice } from './seed-choice.js';
import type { Recall } from './seed-choice.js';

/** What came of trying to begin the next generation. */
export type SeedResult =
  /** Nobody knows yet. */
  | { readonly kind: 'again' }
  /** The lost generation has records and has an end now: read it before anything else. */
  | { readonly kind: 'ended' }
  /** Somebody else has begun it. */
  | { readonly kind: 'taken' }
  /** This node begins it; what is still stored of the lost one goes along. */
  | { readonly kind: 'mine'; readonly sequence: number; readonly stored: Iterable<LoadedSession> };

const NOWHERE = { sequence: sequence(0), id: '' };

export class Recovery<B> {
  readonly #options: MachineOptions<B>;
  readonly #emit: (effect: Effect) => void;
  readonly #choice: SeedChoice;
  #generation = 1;
  #led = false;
  #examined = false;
  #busy = false;
  #aside: Ledger<B> | undefined;
  #offers = 0;

  constructor(options: MachineOptions<B>, emit: (effect: Effect) => void) {
    this.#options = options;
    this.#emit = emit;
    this.#choice = new SeedChoice(options.timing);
  }

  /** @param examined the lost generation's log was read to its end */
  begin(now: Instant, memory: Ledger<B>, lost: { readonly generation: number; readonly led: boolean; readonly examined: boolean }): void {
    this.#generation = lost.generation;
    this.#led = lost.led;
    this.#examined = lost.examined;
    this.#busy = false;
    this.setAside(memory);
    this.#choice.begin(now.ms);
  }

  /** Keeps what is remembered until it was compared with what goes on. */
  setAside(memory: Ledger<B>): void {
    if (memory.sessions.size > 0) this.#aside ??= memory;
  }

  heard(now: Instant, recall: Recall): void {
    this.#choice.heard(now.ms, recall);
  }

  /** Nobody may begin a partition anew that others remember, nor go on in a generation that they have left. */
  standsAlone(now: Instant, generation: number): boolean {
    return !this.#choice.memoryElsewhere(now.ms) && this.#choice.later(now.ms, generation) === undefined;
  }

  /**
   * Whoever claims asks first. A log that lost its newest records looks whole to those who never saw them: somebody who has says so,
   * and then nobody goes on without them. Who only lags behind claims once it has caught up.
   *
   * @param sinceMs when the primary was suspected first
   */
  mayClaim(now: Instant, sinceMs: number, generation: number, memory: Ledger<B>): boolean {
    this.tell(now, 'claiming', generation, memory.reach);
    return now.ms - sinceMs >= this.#options.timing.consultMs && !this.#choice.missedBy(now.ms, generation, memory.reach);
  }

  /** A generation beyond this one that is at work or being begun, as far as is heard. */
  later(now: Instant, generation: number): number | undefined {
    return this.#choice.later(now.ms, generation);
  }

  /** Tells the others how far this replica reaches, as often as is useful. */
  tell(now: Instant, state: Recall['state'], generation: number, { epoch: term, position, identity }: Memory): void {
    if (!this.#choice.mayTell(now.ms)) return;
    this.#emit({ type: 'recall', recall: { node: this.#options.self, state, generation, epoch: term, position, identity } });
  }

  /** While the log is lost. @returns the generation to join, once there is one */
  tick(now: Instant, memory: Ledger<B>, nextId: () => RecordId): number | undefined {
    const own: Recall = { node: this.#options.self, state: 'lost', generation: this.#generation, ...memory.reach };
    this.tell(now, 'lost', this.#generation, own);
    if (this.#busy) return undefined;
    const verdict = this.#choice.decide(now.ms, own, this.#led);
    if (verdict.kind === 'join') return verdict.generation;
    if (verdict.kind === 'wait') return undefined;
    this.#busy = true;
    const { self: node } = this.#options;
    this.#emit({
      type: 'seed',
      lost: this.#generation,
      examined: this.#examined,
      seed: encodeRecord({ type: 'seed', id: nextId(), prev: NOWHERE, node, ...memory.reach }),
      end: encodeRecord({ type: 'end', id: nextId(), prev: NOWHERE, node }),
    });
    return undefined;
  }

  /** The last try came to nothing. */
  again(): void {
    this.#busy = false;
  }

  /** Makes the ledger with which this node begins a generation: what it remembers, and whatever of the lost one's snapshots is ahead of that. */
  carryOn(memory: Ledger<B>, stored: Iterable<LoadedSession>, seed: Uint8Array, at: number): Ledger<B> {
    const { bodies, timing } = this.#options;
    const found = new Ledger(bodies, timing.hotSessionsMax);
    found.load(stored);
    const next = new Ledger(bodies, timing.hotSessionsMax);
    next.apply(sequence(at), seed);
    for (const state of memory.sessions.states()) {
      const other = found.session(state.id);
      next.take(this.#leapt(other !== undefined && isAhead(other, state) ? other : state, at));
    }
    for (const state of found.sessions.states()) {
      if (!memory.sessions.has(state.id)) next.take(this.#leapt(state, at));
    }
    return next;
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
      if (state === undefined ? old.dead : !isAhead(old, state)) {
        // it went on from the same version by another way: what is ahead of the seed there is missing here
        const both = state !== undefined && state.incarnation === old.incarnation && state.sequence > seeding.at;
        if (both && farther && old.sequence > seeding.position) this.#diverged(old.id);
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

  #diverged(session: SessionId): void {
    this.#emit({ type: 'notice', notice: { kind: 'diverged', session, error: diverged(session) } });
  }

  #leapt(state: Readonly<SessionState<B>>, at: number): SessionState<B> {
    const { bodies } = this.#options;
    const version = leap(state.version);
    const next: SessionState<B> = { ...freshState<B>(state.id), ...state, ops: new Map(state.ops), version };
    next.sequence = sequence(at);
    // nobody else writes snapshots of a generation before it is whole
    next.revision = ABSENT;
    next.body = undefined;
    if (state.body !== undefined) {
      const { body } = state;
      try {
        next.body = bodies.create(bodies.snapshot(body), version);
      } catch (cause) {
        next.salvaged = bodies.salvage(body);
        next.quarantine = cause instanceof TwinstateError ? cause : new TwinstateError('SESSION_QUARANTINED', String(cause), { cause });
      }
    }
    return next;
  }
}

/** `old` holds more of a session than `state`: a later life of it, or more commits of the same. */
export function isAhead<B>(old: Readonly<SessionState<B>>, state: Readonly<SessionState<B>>): boolean {
  if (old.incarnation !== state.incarnation) return old.incarnation > state.incarnation;
  return originalVersion(old.version, old.sequence) > originalVersion(state.version, state.sequence);
}

export function diverged(session: SessionId): TwinstateError {
  return new TwinstateError('LOG_LOST', `two nodes went on with session ${JSON.stringify(session)} after the log was lost`, {
    expected: 'one history',
    received: 'commits that only a node that was away remembers, and others that were made meanwhile',
    cure: 'what was made meanwhile stays; compare with what users report, and repeat what is missing',
  });
}
