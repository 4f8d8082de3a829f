/**
 * What a replica does about the log itself: reads it from its beginning, and goes on in the next generation when it was lost.
 *
 * Invariant (rule 10): a lost generation is left together. Who goes on is agreed upon by telling each other how far everybody's
 * memory reaches, and decided by the first record of the next generation, which one node wins; nobody is served before all of its
 * sessions are stored there, so that every later replica finds them.
 */
import type { TwinstateError } from '../shared/errors.js';
import { sequence } from '../shared/ids.js';
import type { Revision, Sequence, SessionId } from '../shared/ids.js';
import type { Effect, Role } from './effect.js';
import { compareMemory, generationOf } from './generation.js';
import { Inheritance } from './inheritance.js';
import { rebuild, traceOf } from './joining.js';
import type { ReadPartition } from './joining.js';
import type { Ledger } from './ledger.js';
import type { Gap, LoadedSession, Stop } from './applied.js';
import { logLost } from './log-watch.js';
import type { LogWatch } from './log-watch.js';
import type { Instant, MachineOptions } from './machine-options.js';
import { encodeRecord } from './record.js';
import type { RecordId } from './record.js';
import { SeedChoice } from './seed-choice.js';
import type { Recall } from './seed-choice.js';
import type { Upkeep } from './upkeep.js';

/** What came of trying to begin the next generation. */
export type SeedResult =
  /** Nobody knows yet. */
  | { readonly kind: 'again' }
  /** The lost generation has records and has an end now: read it before anything else. */
  | { readonly kind: 'ended' }
  /** Somebody else has begun it. */
  | { readonly kind: 'taken' }
  /** This node begins it; what is still stored of the lost one goes along. */
  | { readonly kind: 'mine'; readonly sequence: Sequence; readonly stored: Iterable<LoadedSession> };

/** The replica around it. */
export interface Recovering<B> {
  readonly options: MachineOptions<B>;
  readonly log: LogWatch;
  readonly upkeep: Upkeep<B>;
  role(): Role;
  /** What it remembers: of the log that it follows, or the last that it followed. */
  ledger(): Ledger<B>;
  emit(effect: Effect): void;
  nextId(): RecordId;
  /** Reads everything again. */
  join(reason: string, afterMs: number): void;
  /** Has caught up, with this ledger. */
  follow(now: Instant, ledger: Ledger<B>): void;
  /** Gives up what is under way and serves nobody. */
  stand(role: 'lost' | 'seeding', reason: string, ledger: Ledger<B>): void;
}

/** Between two looks at a record that cannot be read, in milliseconds: somebody may have taken it out. */
const STOPPED_MS = 1_000;
const NOWHERE = { sequence: sequence(0), id: '' };

export class Recovery<B> {
  readonly #replica: Recovering<B>;
  readonly #choice: SeedChoice;
  readonly #inheritance: Inheritance<B>;
  /** Of the log that is read; `undefined` until one was found. */
  #generation: number | undefined;
  #led = false;
  /** The lost generation's log was read to its end. */
  #examined = false;
  /** A try to begin the next one is under way. */
  #busy = false;
  #stop: Stop | undefined;

  constructor(replica: Recovering<B>) {
    this.#replica = replica;
    this.#choice = new SeedChoice(replica.options.timing);
    this.#inheritance = new Inheritance(replica.options, (effect) => replica.emit(effect));
  }

  get generation(): number | undefined {
    return this.#generation;
  }

  /** Why this replica goes no farther, where a record stops it. */
  get stopped(): string | undefined {
    return this.#stop?.error.message;
  }

  /** A replica at work met a record that does not follow what it applied, or cannot be read here. */
  cannotApply(why: Gap | Stop): void {
    if (why.kind === 'stop') return this.#wait(why);
    this.#replica.emit({ type: 'notice', notice: { kind: 'gap', why: why.why } });
    this.#replica.join(why.why, 0);
  }

  /** Waits before a record that cannot be read here, however long: it is no loss, and nobody claims or begins anything from here. */
  #wait(stop: Stop): void {
    const { at: sequence, error } = stop;
    if (this.#stop?.at !== sequence) {
      this.#replica.emit({ type: 'notice', notice: { kind: 'unreadable-record', sequence, error } });
    }
    this.#stop = stop;
    this.#replica.log.whole();
    this.#replica.join(error.message, STOPPED_MS);
  }

  /** Takes what a joining replica has read: the whole log first, then the snapshots (rule 8), which are gone through once. */
  joined(now: Instant, read: ReadPartition): void {
    const { options, log, upkeep } = this.#replica;
    const { joinRetryMs, lostMs } = options.timing;
    const { generation } = read;
    const memory = this.#replica.ledger();
    const rebuilt = rebuild(now, options, upkeep, read);
    if (rebuilt.kind === 'stop') return this.#wait(rebuilt);
    this.#stop = undefined;
    switch (rebuilt.kind) {
      case 'early':
        return this.#replica.join('the snapshots read are older than the log relies on', joinRetryMs);
      case 'gap':
        this.#replica.emit({ type: 'notice', notice: { kind: 'gap', why: rebuilt.why } });
        // a late record of before the loss stands where its position happens to fit: nobody can read on from there, nor need to
        if (rebuilt.ended) return this.#lose(now, logLost(rebuilt.why), generation, this.#ofEnded(rebuilt.ledger), true);
        if (log.shortFor(now.ms) < lostMs) return this.#replica.join(rebuilt.why, joinRetryMs * 4);
        return this.#lose(now, logLost(rebuilt.why), generation, memory);
      case 'bare': {
        if (log.shortFor(now.ms) < lostMs) return this.#replica.join('the log reads empty', joinRetryMs);
        const error = logLost('not one record of a log that had some');
        return this.#lose(now, error, generation, this.#farther(rebuilt.ledger));
      }
      case 'ended': {
        const { ledger } = rebuilt;
        const error = logLost(`the end of generation ${generation}`);
        return this.#lose(now, error, generation, this.#ofEnded(ledger), true);
      }
      case 'seeding':
        return this.#awaitSeeding(now, generation);
      case 'ready': {
        const trace = traceOf(read.log, memory);
        if (trace === 'short' && log.shortFor(now.ms) < lostMs) return this.#replica.join('the log reads short', joinRetryMs);
        if (trace !== 'kept') {
          return this.#lose(now, logLost(`a log that has no record ${memory.applied} any more`), generation, memory);
        }
        log.begin(now.ms, read.identity);
        if (generationOf(memory.applied) < generation) this.#inheritance.setAside(memory);
        this.#generation = generation;
        this.#replica.follow(now, rebuilt.ledger);
        this.#inheritance.compare(rebuilt.ledger);
      }
    }
  }

  /**
   * Takes stored sessions that come while the replica is at work; an id without one: there is none.
   * @param nowMs given where they were asked for one by one
   */
  admit(found: readonly (readonly [SessionId, LoadedSession | undefined])[], nowMs?: number): void {
    const ledger = this.#replica.ledger();
    const asked = nowMs === undefined ? undefined : { nowMs, lostMs: this.#replica.options.timing.lostMs };
    for (const [id, loaded] of found) {
      const gap = ledger.admit(id, loaded, asked);
      if (gap !== undefined) return this.#rejoin(gap);
    }
  }

  /** All stored sessions up to a revision have come. @returns false where the log relies on more: read them again */
  admittedUpTo(highest: Revision): boolean {
    const ledger = this.#replica.ledger();
    if (highest < ledger.loadUntil) return false;
    const gap = ledger.endLoading();
    if (gap !== undefined) this.#rejoin(gap);
    return true;
  }

  /** The snapshots do not go together with what the log still has: later ones will. */
  #rejoin(gap: string): void {
    this.#replica.emit({ type: 'notice', notice: { kind: 'gap', why: gap } });
    this.#replica.join(gap, this.#replica.options.timing.joinRetryMs * 4);
  }

  /** Takes what a read of the tail says. @param askedAt what was applied when it was sent: a short stale read is no loss */
  read(now: Instant, askedAt: Sequence, last: Sequence, records: number): void {
    const { log, options } = this.#replica;
    if (last >= askedAt || records > 0) return log.whole();
    if (log.shortFor(now.ms) >= options.timing.lostMs)
      this.#loseHere(now, `record ${askedAt} was known, but the log ends at ${last}`);
  }

  /** Takes which log this is, as its engine says: `null` where there is none. */
  identified(now: Instant, identity: string | null): void {
    if (!isAtWork(this.#replica.role())) return;
    const why = this.#replica.log.identified(now.ms, identity, this.#replica.options.timing.lostMs);
    if (why !== undefined) this.#loseHere(now, why);
  }

  /** The log says that this generation ends here. */
  ended(now: Instant): void {
    this.#lose(now, logLost(`the end of generation ${this.#generation}`), this.#generation!, this.#replica.ledger(), true);
  }

  /** Takes what another replica tells of itself. */
  recalled(now: Instant, recall: Recall): void {
    if (recall.node === this.#replica.options.self) return;
    this.#choice.heard(now.ms, recall);
    const generation = this.#generation;
    const role = this.#replica.role();
    if (generation === undefined || !isAtWork(role)) return;
    const asks = recall.state === 'none' || (recall.state === 'claiming' && recall.generation === generation);
    if (recall.generation < generation || (asks && compareMemory(this.#replica.ledger().reach, recall) > 0))
      this.#tell(now, role === 'seeding' ? 'seeding' : 'here');
    const later = this.#choice.later(now.ms, generation);
    if (later !== undefined) this.#move(later);
  }

  /** Nobody may begin a partition anew that others remember, nor go on in a generation that they have left. */
  mayBegin(now: Instant): boolean {
    this.#tell(now, 'none');
    return !this.#choice.memoryElsewhere(now.ms) && this.#choice.later(now.ms, this.#generation!) === undefined;
  }

  /**
   * Whoever claims asks first. A log that lost its newest records looks whole to those who never saw them: somebody who has says so,
   * and then nobody goes on without them. Who only lags behind claims once it has caught up.
   *
   * @param sinceMs when the primary was suspected first
   */
  mayClaim(now: Instant, sinceMs: number): boolean {
    this.#tell(now, 'claiming');
    if (now.ms - sinceMs < this.#replica.options.timing.consultMs) return false;
    return !this.#choice.missedBy(now.ms, this.#generation!, this.#replica.ledger().reach);
  }

  /** While the log is lost, or its next generation is being begun here. */
  tick(now: Instant): void {
    if (this.#replica.role() === 'seeding') return this.#tell(now, 'seeding');
    this.#tell(now, 'lost');
    if (this.#busy) return;
    const { self: node } = this.#replica.options;
    const { reach } = this.#replica.ledger();
    const lost = this.#generation!;
    const verdict = this.#choice.decide(now.ms, { node, state: 'lost', generation: lost, ...reach }, this.#led);
    if (verdict.kind === 'join') return this.#move(verdict.generation);
    if (verdict.kind === 'wait') return;
    this.#busy = true;
    const { epoch, position } = reach;
    const seed = encodeRecord({ type: 'seed', id: this.#replica.nextId(), prev: NOWHERE, node, epoch, position });
    const end = encodeRecord({ type: 'end', id: this.#replica.nextId(), prev: NOWHERE, node });
    this.#replica.emit({ type: 'seed', lost, examined: this.#examined, seed, end });
  }

  /** Takes what came of the effect `seed`. */
  seeded(now: Instant, result: SeedResult, seed: Uint8Array): void {
    if (this.#replica.role() !== 'lost') return;
    const next = this.#generation! + 1;
    if (result.kind === 'again') this.#busy = false;
    else if (result.kind === 'ended') this.#replica.join('the log has an end', 0);
    else if (result.kind === 'taken') this.#move(next);
    else {
      const memory = this.#replica.ledger();
      const { ledger, asItIs } = this.#inheritance.carryOn(memory, result.stored, seed, result.sequence, now.wallMs);
      this.#generation = next;
      this.#replica.log.begin(now.ms, undefined);
      this.#replica.stand('seeding', `it begins generation ${next}`, ledger);
      this.#replica.upkeep.carryOver(asItIs);
      this.#replica.upkeep.noteRecord(now, ledger.applied, seed.byteLength);
      this.#replica.emit({ type: 'follow', after: ledger.applied });
    }
  }

  /** All sessions are stored, and this replica leads the generation that it has begun. */
  seedingDone(): void {
    this.#inheritance.compare(this.#replica.ledger());
  }

  /** The primary does not take over what this replica offered. */
  offerRefused(session: SessionId): void {
    this.#inheritance.refused(session);
  }

  /** Somebody is storing the sessions of a new generation; should nobody say so any more, it is given up for the next one. */
  #awaitSeeding(now: Instant, generation: number): void {
    const { log, options } = this.#replica;
    const { joinRetryMs, seedWaitMs } = options.timing;
    this.#generation = generation;
    if (this.#choice.later(now.ms, generation - 1) === generation) log.whole();
    if (log.shortFor(now.ms) < seedWaitMs * 2) return this.#replica.join('its sessions are being stored anew', joinRetryMs * 2);
    const error = logLost(`a beginning of generation ${generation}, whose node is gone`);
    this.#lose(now, error, generation, this.#replica.ledger());
  }

  /** What is gone on from once a generation has an end. @param found what could be read of it */
  #ofEnded(found: Ledger<B>): Ledger<B> {
    return found.complete ? this.#farther(found) : this.#replica.ledger();
  }

  /** The one of two memories that is to be gone on from; the other one is kept aside. */
  #farther(found: Ledger<B>): Ledger<B> {
    const memory = this.#replica.ledger();
    const farther = compareMemory(found.reach, memory.reach) >= 0;
    this.#inheritance.setAside(farther ? memory : found);
    return farther ? found : memory;
  }

  #move(generation: number): void {
    this.#generation = generation;
    this.#replica.join(`generation ${generation} goes on`, 0);
  }

  #loseHere(now: Instant, received: string): void {
    this.#lose(now, logLost(received), this.#generation!, this.#replica.ledger());
  }

  #lose(now: Instant, error: TwinstateError, generation: number, memory: Ledger<B>, examined = false): void {
    this.#generation = generation;
    this.#led = memory.leader === this.#replica.options.self;
    this.#examined = examined;
    this.#busy = false;
    this.#replica.log.whole();
    this.#replica.stand('lost', error.message, memory);
    this.#replica.emit({ type: 'notice', notice: { kind: 'log-lost', error } });
    this.#inheritance.setAside(memory);
    this.#choice.begin(now.ms);
  }

  /** Tells the others how far this replica reaches, as often as is useful. */
  #tell(now: Instant, state: Recall['state']): void {
    if (!this.#choice.mayTell(now.ms)) return;
    const { epoch, position, identity } = this.#replica.ledger().reach;
    const { self: node } = this.#replica.options;
    this.#replica.emit({ type: 'recall', recall: { node, state, generation: this.#generation!, epoch, position, identity } });
  }
}

/** A replica that applies what its log brings. */
export function isAtWork(role: Role): boolean {
  return role === 'following' || role === 'leading' || role === 'seeding';
}
