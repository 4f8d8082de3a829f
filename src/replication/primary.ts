/**
 * What a partition's primary has beyond a replica: a queue, a lease, its backups' positions, and those who wait for them.
 *
 * Invariant: nothing in here is needed after a crash. An asker that is answered `done` reads it in the log; everybody else is
 * told to ask again, and whether the try that ends here can still come true.
 */
import { hash32 } from '../shared/bytes.js';
import type { ErrorCode } from '../shared/errors.js';
import type { NodeId, Sequence, SessionId } from '../shared/ids.js';
import { doneAgain, doneNow, makeBatch, refusalOf } from './batch.js';
import type { Batch, Own, Waiting } from './batch.js';
import { DriftError } from './drift.js';
import type { Effect } from './effect.js';
import type { Ledger } from './ledger.js';
import { endOf, useIsDue } from './lifetime.js';
import type { Answer, Operation, Read } from './operation.js';
import type { Instant, MachineOptions } from './machine-options.js';
import { answerRead } from './reading.js';
import { decodeStored, findOp } from './session-state.js';
import type { SessionState } from './session-state.js';

interface WaitingRead {
  readonly token: number;
  readonly read: Read;
}

interface WaitingForBackups {
  readonly waiting: Waiting;
  readonly answer: Extract<Answer, { kind: 'done' }>;
  readonly position: Sequence;
  readonly untilMs: number;
}

interface Position {
  readonly position: Sequence;
  readonly heardMs: number;
}

export class Primary<B> {
  readonly #options: MachineOptions<B>;
  readonly #emit: (effect: Effect) => void;
  #queue: Waiting[] = [];
  #reads: WaitingRead[] = [];
  /** Asked before the record under way was sent: its acceptance confirms what they are answered (rule 12). */
  #confirmedReads: WaitingRead[] = [];
  #confirming: WaitingForBackups[] = [];
  /** What was made of the queue last, while its record is under way. */
  #sent: Batch | undefined;
  #positions = new Map<NodeId, Position>();
  /** Reads are answered from memory until then. */
  #leaseUntilMs = -Infinity;
  /** `strict` takeover: nothing is answered before. */
  #holdUntilMs = -Infinity;
  #held: { readonly token: number; readonly answer: Answer }[] = [];
  #lastReadMs = -Infinity;
  /** May be over, and are ended by the next record if they still are. */
  readonly #due = new Set<SessionId>();
  /** Since when fewer backups than asked for are here. */
  #fewSinceMs: number | undefined;

  constructor(options: MachineOptions<B>, emit: (effect: Effect) => void) {
    this.#options = options;
    this.#emit = emit;
  }

  /** A term begins. @param invited the one before has ended its own lease, so that there is none to wait for */
  begin(now: Instant, invited: boolean): void {
    this.#positions = new Map();
    this.#fewSinceMs = undefined;
    this.#leaseUntilMs = -Infinity;
    this.#holdUntilMs = this.#options.takeover === 'strict' && !invited ? now.ms + this.#options.timing.leaseMs : -Infinity;
  }

  /** An append of this term was accepted that was sent at `sentMs`, at the earliest (rule 12). */
  confirmed(sentMs: number): void {
    this.#leaseUntilMs = Math.max(this.#leaseUntilMs, sentMs + this.#options.timing.leaseMs);
  }

  /** Answers nothing from memory any more, until an append that is sent from now on was accepted. */
  endLease(): void {
    this.#leaseUntilMs = -Infinity;
  }

  enqueue(now: Instant, waiting: Waiting, ledger: Ledger<B>): void {
    const { operation } = waiting;
    const unrecorded = this.#unrecordedTouch(now, operation, ledger);
    if (unrecorded !== undefined) return this.#answer(waiting, unrecorded);
    const problem = this.#check(operation) ?? this.#checkBackups(now, operation, ledger);
    // what another primary has stored is done, whatever this one would say of it
    if (problem === undefined || isDone(operation, ledger)) this.#queue.push(waiting);
    else this.#answer(waiting, problem);
  }

  #checkBackups(now: Instant, { backups }: Operation, ledger: Ledger<B>): Answer | undefined {
    if (backups === 0) return undefined;
    const live = this.warm(now, ledger).length;
    if (live < backups) return this.#tooFew(now, backups, live);
    this.#fewSinceMs = undefined;
    return undefined;
  }

  /** Queues a commit of this process, for which no backup is waited, until the next `pump`. */
  take(waiting: Waiting): void {
    const problem = this.#check(waiting.operation);
    if (problem === undefined) this.#queue.push(waiting);
    else this.#answer(waiting, problem);
  }

  /** A touch that needs no record: the recorded use is young enough that every replica grants this one, too. */
  #unrecordedTouch(now: Instant, { kind, session, className, backups }: Operation, ledger: Ledger<B>): Answer | undefined {
    if (kind !== 'touch' || backups > 0 || !this.#fresh(now)) return undefined;
    const state = unlessDrifted(ledger, session);
    if (state?.body === undefined || state.className !== className || useIsDue(state, now.wallMs)) return undefined;
    return {
      kind: 'done',
      version: state.version,
      incarnation: state.incarnation,
      others: [],
      merged: false,
      rewritten: undefined,
    };
  }

  /** Backups that have just joined, or that follow a new primary, are heard of within a report: until then it is too early to say. */
  #tooFew(now: Instant, wanted: number, live: number): Answer {
    const why = `${wanted} live backups were asked for, ${live} are here and caught up`;
    this.#fewSinceMs ??= now.ms;
    if (now.ms - this.#fewSinceMs < this.#options.timing.reportMs * 2)
      return { kind: 'retry', clean: true, hint: undefined, why };
    return { kind: 'refused', code: 'NOT_ENOUGH_BACKUPS', why };
  }

  read(now: Instant, token: number, read: Read, ledger: Ledger<B>): void {
    this.#lastReadMs = now.ms;
    // a use that must be recorded is answered once it is
    const state = read.use === true ? unlessDrifted(ledger, read.session) : undefined;
    const recorded = state === undefined || state.dead || !useIsDue(state, now.wallMs);
    if (read.consistency === 'primary' && this.#fresh(now) && recorded) {
      this.#emit({ type: 'read', token, answer: answerRead(ledger, this.#options.bodies, read) });
    } else {
      this.#reads.push({ token, read });
    }
  }

  /** Makes the next record's content, or `undefined` where nothing needs one. Answers at once what needs none. */
  next(now: Instant, ledger: Ledger<B>): Batch | undefined {
    const renew =
      this.#lastReadMs > now.ms - this.#options.timing.leaseMs && this.#leaseUntilMs - now.ms < this.#options.timing.leaseMs / 2;
    const reads = this.#reads.length > 0 && now.ms >= this.#holdUntilMs;
    if (this.#queue.length === 0 && !reads && !renew && this.#due.size === 0) return undefined;
    const own = this.#own(now, ledger, reads);
    const batch = makeBatch(ledger, this.#options.bodies, this.#queue, now.wallMs, this.#options.limits, own);
    this.#queue = batch.rest;
    for (const { waiting, answer } of batch.now) this.#settle(now, waiting, answer, ledger);
    if (batch.entries.length === 0 && batch.late.length === 0 && !reads && !renew) return undefined;
    if (reads) this.#confirmedReads.push(...this.#reads.splice(0));
    return (this.#sent = batch);
  }

  #own(now: Instant, ledger: Ledger<B>, reads: boolean): Own {
    const watch = { wallMs: now.wallMs, term: ledger.epoch, clockSkewMs: this.#options.timing.clockSkewMs };
    const used = reads ? this.#reads.filter(({ read }) => read.use === true).map(({ read }) => read.session) : [];
    const due = [...this.#due];
    // what is not stored is told again
    this.#due.clear();
    return {
      fresh: this.#fresh(now),
      used,
      due,
      useIsDue: (state) => useIsDue(state, now.wallMs),
      endOf: (state) => endOf(state, hash32(state.id), watch),
    };
  }

  /** Whether something that was asked of a session waits here. */
  uses(id: SessionId): boolean {
    const asked = ({ operation }: Waiting): boolean => operation.session === id;
    const read = (each: WaitingRead): boolean => each.read.session === id;
    const { stored = [], late = [] } = this.#sent ?? {};
    if (this.#queue.some(asked) || this.#reads.some(read) || this.#confirmedReads.some(read)) return true;
    return stored.some(({ waiting }) => asked(waiting)) || late.some(({ waiting }) => asked(waiting));
  }

  stored(now: Instant, batch: Batch, ledger: Ledger<B>): void {
    this.#sent = undefined;
    for (const { waiting, entry, merged } of batch.stored) {
      this.#settle(now, waiting, doneNow(ledger, this.#options.bodies, waiting.operation, entry, merged), ledger);
    }
    for (const { waiting, answer } of batch.late) {
      const done = typeof answer === 'number' ? doneAgain(ledger, this.#options.bodies, waiting.operation, answer) : answer;
      this.#settle(now, waiting, done, ledger);
    }
    for (const { token, read } of this.#confirmedReads.splice(0)) {
      this.#emit({ type: 'read', token, answer: answerRead(ledger, this.#options.bodies, read) });
    }
  }

  /** The batch can never be stored, as another record stands there: its operations go first into the next one. */
  requeue(batch: Batch): void {
    this.#sent = undefined;
    this.#returnReads();
    this.#queue = [...batch.stored, ...batch.late].map(({ waiting }) => waiting).concat(this.#queue);
  }

  /** The batch was refused for good, before anything of it was stored. */
  refuse(batch: Batch, code: ErrorCode, why: string): void {
    this.#sent = undefined;
    this.#returnReads();
    for (const { waiting } of batch.stored) this.#answer(waiting, { kind: 'refused', code, why });
    for (const { waiting } of batch.late) this.#answer(waiting, { kind: 'retry', clean: true, hint: undefined, why });
  }

  /** Nobody here will learn what becomes of the batch; it may still be stored. */
  abandon(batch: Batch, why: string): void {
    this.#sent = undefined;
    for (const { waiting } of batch.stored) this.#answer(waiting, { kind: 'retry', clean: false, hint: undefined, why });
    for (const { waiting } of batch.late) this.#answer(waiting, { kind: 'retry', clean: true, hint: undefined, why });
  }

  /** The term is over: what only waited was never appended. */
  release(why: string, hint: NodeId | undefined): void {
    for (const waiting of this.#queue) this.#answer(waiting, { kind: 'retry', clean: true, hint, why });
    for (const { token } of [...this.#confirmedReads, ...this.#reads])
      this.#emit({ type: 'read', token, answer: { kind: 'retry', hint, why } });
    for (const { waiting, answer } of this.#confirming) this.#answer(waiting, { kind: 'stored', version: answer.version });
    for (const { token, answer } of this.#held) this.#emit({ type: 'answer', token, answer });
    this.#queue = [];
    this.#reads = [];
    this.#confirmedReads = [];
    this.#confirming = [];
    this.#held = [];
    this.#due.clear();
    this.#leaseUntilMs = -Infinity;
  }

  #returnReads(): void {
    this.#reads = this.#confirmedReads.splice(0).concat(this.#reads);
  }

  /** Followers with their positions, as last told. */
  get positions(): ReadonlyMap<NodeId, Position> {
    return this.#positions;
  }

  reported(now: Instant, from: NodeId, position: Sequence): void {
    this.#positions.set(from, { position, heardMs: now.ms });
    this.#confirming = this.#confirming.filter((each) => {
      if (this.#holders(each.position) < each.waiting.operation.backups) return true;
      this.#answer(each.waiting, each.answer);
      return false;
    });
  }

  /** @param due sessions that may be over */
  tick(now: Instant, due: readonly SessionId[]): void {
    for (const session of due) this.#due.add(session);
    if (this.#held.length > 0 && now.ms >= this.#holdUntilMs) {
      for (const { token, answer } of this.#held.splice(0)) this.#emit({ type: 'answer', token, answer });
    }
    this.#confirming = this.#confirming.filter((each) => {
      if (now.ms < each.untilMs) return true;
      this.#answer(each.waiting, { kind: 'stored', version: each.answer.version });
      return false;
    });
    const forgetMs = this.#options.timing.reportMs * 20;
    for (const [node, { heardMs }] of this.#positions) if (now.ms - heardMs > forgetMs) this.#positions.delete(node);
  }

  /** Backups that follow this term and were heard of lately (rule 15). */
  warm(now: Instant, ledger: Ledger<B>): NodeId[] {
    const warm: NodeId[] = [];
    for (const [node, { position, heardMs }] of this.#positions) {
      if (now.ms - heardMs <= this.#options.timing.reportMs * 3 && position >= ledger.epoch) warm.push(node);
    }
    return warm;
  }

  /** Reads may be answered from memory. */
  #fresh(now: Instant): boolean {
    return now.ms < this.#leaseUntilMs && now.ms >= this.#holdUntilMs;
  }

  #settle(now: Instant, waiting: Waiting, answer: Answer, ledger: Ledger<B>): void {
    const { backups } = waiting.operation;
    if (answer.kind === 'done' && backups > 0) {
      const position = ledger.session(waiting.operation.session)?.sequence ?? ledger.applied;
      if (this.#holders(position) < backups) {
        this.#confirming.push({ waiting, answer, position, untilMs: now.ms + waiting.operation.waitMs });
        return;
      }
    }
    if (now.ms < this.#holdUntilMs) this.#held.push({ token: waiting.token, answer });
    else this.#answer(waiting, answer);
  }

  #holders(position: Sequence): number {
    let count = 0;
    for (const each of this.#positions.values()) if (each.position >= position) count++;
    return count;
  }

  #check({ kind, payload, trusted, className }: Operation): Answer | undefined {
    if (trusted === true || kind === 'touch' || kind === 'destroy' || kind === 'forget') return undefined;
    return refusalOf(() => {
      if (kind !== 'adopt') return this.#options.bodies.check(kind, payload, className);
      const { header, snapshot } = decodeStored(payload);
      if (!header.dead) this.#options.bodies.check('create', snapshot, className);
    });
  }

  #answer({ token }: Waiting, answer: Answer): void {
    this.#emit({ type: 'answer', token, answer });
  }
}

/** It was stored before: a copy of it comes again, or its asker does not know. */
function isDone<B>({ session, op }: Operation, ledger: Ledger<B>): boolean {
  const state = unlessDrifted(ledger, session);
  return state !== undefined && findOp(state, op) !== undefined;
}

/** A session to look at before its asker has a place: what has drifted is found again by whoever answers. */
function unlessDrifted<B>(ledger: Ledger<B>, session: SessionId): SessionState<B> | undefined {
  try {
    return ledger.session(session);
  } catch (error) {
    if (error instanceof DriftError) return undefined;
    throw error;
  }
}
