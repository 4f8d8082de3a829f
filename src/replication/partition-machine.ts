/**
 * One replica of one partition, as a state machine: records, answers and ticks come in, effects go out.
 *
 * Invariant: the log decides everything, in one place. A commit, a claim and a time-out are all resolved by the record that is
 * found behind the position where one's own was appended (`record`); an append's acknowledgement only announces early what
 * following the log shows. A record that names no predecessor (a stranger's) is applied only where it was read together with the one
 * before it: delivered by itself it may hide whatever the log gave up meanwhile. There is no I/O, clock, timer, promise or randomness in here.
 */
import { sequence as toSequence } from '../shared/ids.js';
import type { Epoch, NodeId, Revision, Sequence, SessionId } from '../shared/ids.js';
import type { AppendSlot } from './append-slot.js';
import type { Gap, Stop } from './applied.js';
import type { DriftError } from './drift.js';
import type { Effect, Notice, Role } from './effect.js';
import { Ledger } from './ledger.js';
import { isKnownBy } from './foreign-record.js';
import { isRewritten } from './joining.js';
import type { ReadPartition } from './joining.js';
import { LogWatch } from './log-watch.js';
import type { AppendOutcome, Content, FoundSnapshot, Instant, MachineOptions, PolledLog, View } from './machine-options.js';
import type { Operation, Read } from './operation.js';
import { PositionReporter } from './position-reporter.js';
import { Primary } from './primary.js';
import { isAtWork, Recovery } from './recovery.js';
import type { LogRecord } from './record.js';
import { RecordWriter } from './record-writer.js';
import { answerRead } from './reading.js';
import { Succession } from './succession.js';
import type { Replica } from './succession.js';
import { Upkeep } from './upkeep.js';

export class PartitionMachine<B> {
  readonly options: MachineOptions<B>;
  readonly succession: Succession;
  readonly #effects: Effect[] = [];
  #role: Role = 'joining';
  #ledger: Ledger<B>;
  readonly primary: Primary<B>;
  readonly upkeep: Upkeep<B>;
  readonly #writer: RecordWriter<B>;
  readonly #reporter: PositionReporter;
  /** When it last caught up: a partition without a leader is begun a moment after that. */
  #joinedMs = 0;
  readonly #log = new LogWatch();
  /** What it does about the log itself: joining, loss, generations. */
  readonly recovery: Recovery<B>;

  constructor(options: MachineOptions<B>) {
    this.options = options;
    this.#ledger = new Ledger(options.bodies, options.timing.hotSessionsMax, options.memory);
    this.primary = new Primary(options, (effect) => this.#emit(effect));
    this.#reporter = new PositionReporter(options.self, options.timing, (effect) => this.#emit(effect));
    this.upkeep = new Upkeep(options, (effect) => this.#emit(effect));
    this.#writer = new RecordWriter(options, (effect) => this.#emit(effect));
    this.recovery = new Recovery({
      options,
      log: this.#log,
      upkeep: this.upkeep,
      role: () => this.#role,
      ledger: () => this.#ledger,
      emit: (effect) => this.#emit(effect),
      nextId: () => this.#writer.nextId(),
      join: (reason, afterMs) => this.#join(reason, afterMs),
      follow: (now, ledger) => this.#follow(now, ledger),
      stand: (role, reason, ledger) => this.#stand(role, reason, ledger),
    });
    this.succession = new Succession(this.#asReplica());
  }

  get role(): Role {
    return this.#role;
  }

  get ledger(): Ledger<B> {
    return this.#ledger;
  }

  get epoch(): Epoch {
    return this.#ledger.epoch;
  }

  get leader(): NodeId | undefined {
    return this.#ledger.leader;
  }

  /** Hands out what is to be done, once. */
  takeEffects(): readonly Effect[] {
    for (const { id, quarantine: error } of this.#ledger.takeQuarantined())
      if (error !== undefined) this.#notice({ kind: 'quarantined', session: id, error });
    return this.#effects.length === 0 ? this.#effects : this.#effects.splice(0);
  }

  start(): void {
    this.#join('started', 0);
  }

  /** Takes what a joining replica has read. */
  joined(now: Instant, read: ReadPartition): void {
    if (this.#role === 'joining') this.recovery.joined(now, read);
  }

  #follow(now: Instant, ledger: Ledger<B>): void {
    this.#ledger = ledger;
    this.#joinedMs = now.ms;
    this.succession.joined();
    this.#turn('following', 'caught up with the log');
    this.#emit({ type: 'follow', after: ledger.applied });
    // a node that meets its own LEAD leads (rule 3)
    if (ledger.leader === this.options.self) this.#becomePrimary(now, false);
    this.#reporter.report(now, this.#role, this.#ledger);
  }

  #stand(role: 'lost' | 'seeding', reason: string, ledger: Ledger<B>): void {
    this.#release(reason);
    this.#ledger = ledger;
    this.#turn(role, reason);
  }

  /**
   * Takes the next record of the log, as it was delivered.
   * @param known what the bytes say
   */
  record(now: Instant, sequence: Sequence, bytes: Uint8Array, known?: LogRecord): void {
    const why = this.#take(now, sequence, bytes, false, known);
    if (why === undefined) return;
    // the reading that is due brings what is missing, or shows that the log has given it up
    const waits = why.kind === 'unplaced' || (why.kind === 'gap' && this.#log.isDue(this.#ledger.applied));
    if (!waits) return this.recovery.cannotApply(why);
    this.#log.deliver(sequence);
    this.#poll(now);
  }

  /**
   * Takes the next record, from wherever it became known first: the only place where anything is decided.
   * @returns why it cannot be applied
   */
  #take(now: Instant, sequence: Sequence, bytes: Uint8Array, inTurn: boolean, known?: LogRecord): Gap | Stop | undefined {
    if (!isAtWork(this.#role)) return undefined;
    this.#log.answered(now.ms);
    const applied = this.#ledger.apply(sequence, bytes, inTurn, known);
    if (applied.kind === 'seen') return undefined;
    if (applied.kind === 'gap' || applied.kind === 'unplaced' || applied.kind === 'stop') return applied;
    // its writer, or the reading that it is from, met the very record before it: whatever was read since, that log was whole
    this.#log.whole();
    this.upkeep.noteRecord(now, sequence, bytes.byteLength);
    // the position is occupied: what was under way is decided
    const slot = this.#writer.take();
    const mine = slot !== undefined && this.#ledger.lastId === slot.id;
    const invited = mine && this.succession.isInvitedAt(slot.expected);
    if (applied.kind === 'foreign') this.#notice({ kind: 'foreign-record', sequence, error: applied.error });
    if (applied.kind === 'commit') {
      if (applied.fenced) this.#notice({ kind: 'fenced', epoch: applied.record.epoch, sequence });
      if (applied.changed.size > 0) this.#emit({ type: 'changed', sessions: applied.changed, entries: applied.record.entries });
      if (applied.record.confirm) this.#reporter.report(now, this.#role, this.#ledger);
    }
    if (applied.kind === 'checkpoint') this.upkeep.noteCheckpoint(this.#ledger, applied.record);
    // another record stands where the own one should: it can never be stored
    if (slot?.content.type === 'commit' && !mine) this.primary.requeue(slot.content.batch);
    if (applied.kind === 'end') this.recovery.ended(now);
    else if (applied.kind === 'lead') this.#newTerm(now, applied.record.node, invited);
    else if (slot !== undefined && mine) this.#stored(now, slot);
    this.succession.heed(now);
    this.pump(now);
    return undefined;
  }

  /** Takes what came of sending a record: only `stored` and a first `full` say anything. */
  appended(now: Instant, attempt: number, result: AppendOutcome): void {
    const slot = this.#writer.underWay;
    if (slot === undefined || !slot.owns(attempt)) return;
    if (result.outcome === 'stored') {
      this.#log.answered(now.ms);
      if (this.#ledger.applied === slot.expected) this.record(now, result.sequence, slot.bytes, slot.record);
      return;
    }
    const full = result.outcome === 'refused' && result.reason === 'full';
    if (full) this.upkeep.full();
    if (full && slot.attempts === 1) {
      // said once, to the only sending there was: it can never appear
      this.#writer.take();
      this.#notice({ kind: 'log-full' });
      if (slot.content.type === 'commit') this.primary.refuse(slot.content.batch, 'ENGINE_FAILED', 'the log is full');
      return;
    }
    if (slot.content.type === 'lead' && !this.succession.claims) {
      // the primary is back: claim no more; the record may still land, and then this node leads after all
      this.#writer.take();
      return;
    }
    slot.undecided(attempt, now.ms, this.options.timing);
    this.#poll(now);
  }

  /** Takes what a poll has read; `undefined`: nobody answered. `askedAt` is what was applied when the read was sent. */
  polled(now: Instant, askedAt: Sequence, read: PolledLog | undefined): void {
    this.#log.polled();
    if (read === undefined || !isAtWork(this.#role)) return;
    if (isRewritten(read.entries, this.#ledger)) return this.#join('another record stands where one was applied', 0);
    this.#log.answered(now.ms);
    this.recovery.read(now, askedAt, read.last, read.entries.filter(({ sequence }) => sequence > askedAt).length);
    let inTurn = false;
    for (const { sequence, record } of read.entries) {
      const why = this.#take(now, sequence, record, inTurn);
      if (why !== undefined) return this.recovery.cannotApply(why);
      inTurn ||= sequence === this.#ledger.applied && isKnownBy(this.#ledger.lastId, record);
    }
    // it was taken out of the log since: no reading will bring it
    const stalledMs = this.#log.stalledFor(now.ms, this.#ledger.applied);
    if (stalledMs >= this.options.timing.lostMs) this.#join('the log has a record no more that it delivered', 0);
  }

  operate(now: Instant, token: number, operation: Operation): void {
    if (this.#role !== 'leading') {
      if (this.succession.hold({ token, operation })) return;
      return this.#emit({ type: 'answer', token, answer: { kind: 'retry', clean: true, ...this.#elsewhere() } });
    }
    this.primary.enqueue(now, { token, operation }, this.#ledger);
    this.pump(now);
  }

  read(now: Instant, token: number, read: Read): void {
    const served = this.#role !== 'joining' && this.#role !== 'broken';
    if (served && read.consistency === 'local') {
      return this.#emit({ type: 'read', token, answer: answerRead(this.#ledger, this.options.bodies, read) });
    }
    if (this.#role !== 'leading') {
      if (this.succession.hold({ token, read })) return;
      return this.#emit({ type: 'read', token, answer: { kind: 'retry', ...this.#elsewhere() } });
    }
    this.primary.read(now, token, read, this.#ledger);
    this.pump(now);
  }

  /** A follower's position; it counts only in the term that it was told in. */
  reported(now: Instant, from: NodeId, epoch: Epoch, position: Sequence): void {
    if (this.#role === 'leading' && epoch === this.#ledger.epoch) this.primary.reported(now, from, position);
  }

  /** Takes what came of writing a snapshot: its revision, or `undefined` where it may not be stored. */
  put(session: SessionId, revision: Revision | undefined): void {
    this.upkeep.put(this.#ledger, session, revision);
  }

  /** Takes a looked-up snapshot: `null` where there is none, `undefined` where nobody answered. */
  lookedUp(session: SessionId, found: FoundSnapshot | null | undefined): void {
    this.upkeep.lookedUp(this.#ledger, session, found);
  }

  tick(now: Instant, view: View): void {
    this.succession.heed(now);
    if (this.#role === 'lost') return this.recovery.tick(now);
    if (!isAtWork(this.#role)) return;
    const due = this.#ledger.tick(now.wallMs, this.options.timing, (id) => view.watched?.(id) === true || this.primary.uses(id));
    if (this.#writer.underWay?.doubtful === true || this.#log.isDue(this.#ledger.applied)) this.#poll(now);
    this.#writer.sendAgain(now);
    if (this.#role === 'leading') {
      this.primary.tick(now, due);
      this.succession.tick(now);
      this.pump(now);
      this.#keepUp(now);
    } else if (this.#role === 'seeding') {
      this.recovery.tick(now);
      this.#finishSeeding(now);
    } else {
      const first = this.#ledger.leader === undefined && this.recovery.mayBegin(now);
      const leaderless = first && now.ms - this.#joinedMs >= this.options.timing.settleMs;
      this.succession.suspect(now, view, leaderless);
      this.#reporter.tick(now, this.#role, this.#ledger);
    }
  }

  /** A session here is not what it should be: reads everything again. Repair is a join. */
  beginAnew(error: DriftError): void {
    if (this.#role === 'broken') return;
    this.#notice({ kind: 'drift', session: error.session, error });
    this.#join(error.message, this.options.timing.joinRetryMs);
  }

  /** Gives every waiting asker a true answer; the machine is used no more. */
  stop(now: Instant): void {
    this.#release('this node is closing');
    this.#role = 'broken';
    this.succession.decide(now);
  }

  #newTerm(now: Instant, node: NodeId, invited: boolean): void {
    const agreed = this.succession.newTerm(node);
    if (node === this.options.self) return this.#becomePrimary(now, invited);
    const led = this.#role === 'leading';
    if (led) this.primary.release('another node leads now', node);
    const { epoch } = this.#ledger;
    this.#turn('following', !led ? 'a new term began' : agreed ? 'handed over' : `fenced by epoch ${epoch}`);
    this.#reporter.report(now, this.#role, this.#ledger);
  }

  #becomePrimary(now: Instant, invited: boolean): void {
    this.primary.begin(now, invited);
    this.upkeep.begin(this.#ledger);
    this.#turn('leading', invited ? 'the primary before handed over' : 'its LEAD was accepted');
  }

  /** Makes a record of what waits, and sends it, where nothing is under way. */
  pump(now: Instant): void {
    if (this.#role !== 'leading' || this.#writer.underWay !== undefined) return;
    if (this.succession.handingOverTo !== undefined) return this.succession.invite(now);
    const batch = this.primary.next(now, this.#ledger);
    if (batch !== undefined) this.#writer.commit(now, this.#ledger, batch);
  }

  #keepUp(now: Instant): void {
    this.upkeep.tick(now, this.#ledger);
    this.upkeep.makeRoom(now, this.#ledger);
    // nobody waits for these
    for (const operation of this.upkeep.oldTombstones(now, this.#ledger)) this.operate(now, -1, operation);
    if (this.#writer.underWay !== undefined || this.succession.handingOverTo !== undefined) return;
    const floor = this.upkeep.dueCheckpoint(now, this.#ledger);
    if (floor !== undefined) this.#writer.checkpoint(now, this.#ledger, floor, this.upkeep.takeDigests());
  }

  /** Every session goes into a snapshot; then, and not before, a checkpoint makes the generation a whole one (rule 10). */
  #finishSeeding(now: Instant): void {
    this.upkeep.writeAll(this.#ledger);
    const { unsaved, applied } = this.#ledger;
    if (unsaved.size > 0 || this.#writer.underWay !== undefined) return;
    this.#writer.checkpoint(now, this.#ledger, toSequence(applied - 1), []);
  }

  #stored(now: Instant, slot: AppendSlot<Content>): void {
    if (this.#role === 'seeding') {
      this.#becomePrimary(now, false);
      return this.recovery.seedingDone();
    }
    if (this.#role !== 'leading' || slot.content.type === 'lead') return;
    this.primary.confirmed(slot.firstSentMs);
    if (slot.content.type === 'commit') this.primary.stored(now, slot.content.batch, this.#ledger);
    if (slot.content.type === 'checkpoint') this.#emit({ type: 'trim', upTo: slot.content.floor });
  }

  #poll(now: Instant): void {
    const { beforeApplied: after, applied } = this.#ledger;
    if (this.#log.mayPoll(now.ms)) this.#emit({ type: 'poll', after, applied });
  }

  #join(reason: string, afterMs: number): void {
    this.#release(reason);
    this.#turn('joining', reason);
    this.#emit({ type: 'join', afterMs, generation: this.recovery.generation });
  }

  /** What is under way may still be stored; what only waits can not. */
  #release(why: string): void {
    const slot = this.#writer.take();
    this.succession.end();
    if (slot?.content.type === 'commit') this.primary.abandon(slot.content.batch, why);
    this.primary.release(why, this.#hint());
    this.upkeep.reset();
  }

  #turn(role: Role, reason: string): void {
    const changed = role !== this.#role || role === 'following';
    this.#role = role;
    if (changed) this.#emit({ type: 'role', role, epoch: this.#ledger.epoch, leader: this.#ledger.leader, reason });
  }

  #elsewhere(): { readonly hint: NodeId | undefined; readonly why: string } {
    return { hint: this.#hint(), why: this.recovery.stopped ?? `this node is ${this.#role}` };
  }

  #hint(): NodeId | undefined {
    return this.#ledger.leader === this.options.self ? undefined : this.#ledger.leader;
  }

  #asReplica(): Replica {
    return {
      self: this.options.self,
      timing: this.options.timing,
      role: () => this.#role,
      ledger: () => this.#ledger,
      busy: () => this.#writer.underWay !== undefined,
      logAnswers: (now) => this.#log.answersNow(now.ms),
      emit: (effect) => this.#emit(effect),
      poll: (now) => this.#poll(now),
      appendLead: (now) => this.#writer.lead(now, this.#ledger),
      mayClaim: (now, sinceMs) => this.#ledger.leader === undefined || this.recovery.mayClaim(now, sinceMs),
      endLease: () => this.primary.endLease(),
      pump: (now) => this.pump(now),
      operate: (now, token, operation) => this.operate(now, token, operation),
      read: (now, token, read) => this.read(now, token, read),
    };
  }

  #notice(notice: Notice): void {
    this.#emit({ type: 'notice', notice });
  }

  #emit(effect: Effect): void {
    this.#effects.push(effect);
  }
}
