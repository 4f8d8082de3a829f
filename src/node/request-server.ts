/**
 * Answers what other processes, and this one, ask of the replicas held here.
 *
 * Invariant: nothing is done for a request that cannot be read, or that names a partition which does not exist: it is refused and
 * reported. An answer comes from a replica's state machine, or says that there is none here.
 */
import { TwinstateError } from '../shared/errors.js';
import type { NodeId, Partition, SessionId } from '../shared/ids.js';
import type { Timer } from '../shared/clock.js';
import type { Answer, Read, ReadAnswer } from '../replication/operation.js';
import { ChangeWaiters } from './change-waiters.js';
import { Intake } from './intake.js';
import { decodeMessage } from './message.js';
import type { BatchPart, Message, Term } from './message.js';
import type { PartitionDriver } from './partition-driver.js';
import { encodeReply } from './reply.js';
import type { Reply } from './reply.js';
import type { NodeEvent, Runtime } from './runtime.js';
import type { NodeStatus } from './status.js';

/** Ids in one reply, at most. */
const LIST_MAX = 1_000;
/** A read waits for a newer state for so long, at most. */
const READ_WAIT_MS_MAX = 30_000;

/** The answers to a batch wait for the slowest of them so long, at most: then that one is asked for alone. */
const BATCH_WAIT_MS = 200;

type ListMessage = Extract<Message, { kind: 'list' }>;
export type ListReply = Extract<Reply, { kind: 'list' }>;

export interface Holdings<B> {
  readonly partitions: number;
  readonly runtime: Runtime;
  driver(partition: Partition): PartitionDriver<B> | undefined;
  /** This node was heard of lately. */
  knows(node: NodeId): boolean;
  /** The primary `from` says that this replica is one too many. */
  released(term: Term, from: NodeId): void;
  /** This node stays, so that it may take the lead of partitions. */
  stays(): boolean;
  /** Who may lead a partition that is not led here. */
  hint(partition: Partition): NodeId | undefined;
  event(event: NodeEvent): void;
  status(): NodeStatus;
}

export class RequestServer<B> {
  readonly #holdings: Holdings<B>;
  readonly #waiters: ChangeWaiters;
  readonly #intake = new Intake();
  #closed = false;

  constructor(holdings: Holdings<B>, waiters = new ChangeWaiters(holdings.runtime.clock)) {
    this.#holdings = holdings;
    this.#waiters = waiters;
  }

  /** These sessions have a new state. */
  changed(sessions: ReadonlySet<SessionId>): void {
    this.#waiters.wake(sessions);
  }

  /** Somebody waits here for its next change. */
  watches(session: SessionId): boolean {
    return this.#waiters.has(session);
  }

  /** Somebody else leads now: whoever waits here asks there. */
  rolesChanged(): void {
    this.#waiters.wakeAll();
  }

  close(): void {
    this.#closed = true;
    this.#waiters.wakeAll();
  }

  /** @param looks whoever asks may ask for the status, and nothing else */
  async serve(body: Uint8Array, looks = false): Promise<Uint8Array | undefined> {
    if (this.#closed) return undefined;
    let message: Message;
    try {
      message = decodeMessage(body);
      this.#checkPartition(message);
      if (looks && message.kind !== 'status') throw lookerAsked(message.kind);
    } catch (error) {
      this.#holdings.event({ type: 'malformed', where: 'request', error });
      return encodeReply({ kind: 'malformed', why: error instanceof Error ? error.message : String(error) });
    }
    const reply = await this.#reply(message);
    return reply === undefined ? undefined : encodeReply(reply);
  }

  /** Answers at once, unless the asker has the newest state and wants to wait for a newer one. */
  async readAndWait(driver: PartitionDriver<B>, read: Read, waitMs: number): Promise<ReadAnswer> {
    const { clock } = this.#holdings.runtime;
    const untilMs = clock.now() + Math.min(waitMs, READ_WAIT_MS_MAX);
    for (;;) {
      // listen before reading: a change in between must not be missed
      const change = waitMs > 0 ? this.#waiters.next(read.session, untilMs) : undefined;
      const answer = await driver.read(read);
      if (change === undefined || answer.kind !== 'same' || clock.now() >= untilMs || this.#closed) {
        change?.cancel();
        return answer;
      }
      if (!(await change.woken)) return answer;
    }
  }

  list({ partition, className, after, limit }: ListMessage): ListReply {
    const driver = this.#holdings.driver(partition);
    if (driver?.leads !== true || driver.machine.ledger.loading)
      return { kind: 'list', ids: undefined, total: 0, hint: this.#holdings.hint(partition) };
    const ids: SessionId[] = [];
    let total = 0;
    for (const id of driver.machine.ledger.sessions.idsOf(className)) {
      total++;
      if (after === '' || id > after) ids.push(id);
    }
    ids.sort();
    return { kind: 'list', ids: ids.slice(0, Math.min(limit, LIST_MAX)), total, hint: undefined };
  }

  /** Answers each part of a batch, or says that its answer takes longer than the others should wait. */
  async #together(parts: readonly BatchPart[]): Promise<Reply> {
    const replies = parts.map((): Reply => ({ kind: 'pending' }));
    const each = parts.map(async (part, i) => {
      replies[i] = (await this.#reply(part)) ?? { kind: 'pending' };
    });
    let timer!: Timer;
    const late = new Promise<void>((resolve) => {
      timer = this.#holdings.runtime.clock.after(BATCH_WAIT_MS, resolve);
    });
    await Promise.race([Promise.all(each), late]);
    timer.cancel();
    return { kind: 'batch', parts: [...replies] };
  }

  async #operate({ partition, operation, attempt }: Extract<Message, { kind: 'operate' }>): Promise<Reply | undefined> {
    const answer = await this.#intake.take(operation, attempt, () => {
      const driver = this.#holdings.driver(partition);
      return driver === undefined ? Promise.resolve(this.#noReplica(partition)) : driver.operate(operation);
    });
    return answer === undefined ? undefined : { kind: 'operate', answer };
  }

  #noReplica(partition: Partition): Extract<Answer, { kind: 'retry' }> {
    return { kind: 'retry', clean: true, hint: this.#holdings.hint(partition), why: NO_REPLICA };
  }

  #checkPartition(message: Message): void {
    const stranger = partitionsOf(message).find((partition) => partition >= this.#holdings.partitions);
    if (stranger === undefined) return;
    throw new TwinstateError('BYTES_CORRUPT', 'this message names a partition that does not exist', {
      expected: `a partition below ${this.#holdings.partitions}`,
      received: `${stranger}`,
      cure: 'it was not written by a process of this cluster; nothing was done',
    });
  }

  async #reply(message: Message): Promise<Reply | undefined> {
    switch (message.kind) {
      case 'operate':
        return this.#operate(message);
      case 'read': {
        const driver = this.#holdings.driver(message.partition);
        if (driver !== undefined) return { kind: 'read', answer: await this.readAndWait(driver, message.read, message.waitMs) };
        return { kind: 'read', answer: { kind: 'retry', hint: this.#holdings.hint(message.partition), why: NO_REPLICA } };
      }
      case 'list':
        return this.list(message);
      case 'probe': {
        const leads = message.terms.filter(({ partition, epoch }) => {
          const driver = this.#holdings.driver(partition);
          return driver?.leads === true && driver.machine.epoch === epoch;
        });
        return { kind: 'probe', leads: leads.map(({ partition }) => partition) };
      }
      case 'status':
        return { kind: 'status', status: this.#holdings.status() };
      case 'report':
        // what nobody is there for must not count as a backup, nor be remembered
        if (!this.#holdings.knows(message.from)) return undefined;
        this.#holdings
          .driver(message.term.partition)
          ?.reported(message.from, { epoch: message.term.epoch, position: message.position });
        return undefined;
      case 'invite': {
        const { term, from, position } = message;
        const driver = this.#holdings.stays() ? this.#holdings.driver(term.partition) : undefined;
        return { kind: 'invite', agreed: driver !== undefined && (await driver.invited(from, term.epoch, position)) };
      }
      case 'release':
        this.#holdings.released(message.term, message.from);
        return undefined;
      case 'heartbeat':
      case 'recall':
        return undefined;
      case 'batch':
        return this.#together(message.parts);
    }
  }
}

function lookerAsked(kind: string): TwinstateError {
  return new TwinstateError('BYTES_CORRUPT', 'a request came from somebody who may only look', {
    expected: 'a question for the status',
    received: `a request of kind ${kind}`,
    cure: 'find out who sends it; nothing was done',
  });
}

const NO_REPLICA = 'there is no replica of its partition here';

function partitionsOf(message: Message): readonly number[] {
  switch (message.kind) {
    case 'probe':
      return message.terms.map((term) => term.partition);
    case 'report':
    case 'invite':
    case 'release':
      return [message.term.partition];
    case 'heartbeat':
    case 'status':
      return [];
    case 'batch':
      return message.parts.map((part) => part.partition);
    default:
      return [message.partition];
  }
}
