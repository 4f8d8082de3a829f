/**
 * Asks the replicas of a node: this one or another.
 *
 * Invariant: whoever asks cannot tell from an answer where it was given. Waiting ends after the asker's time; what was asked for may
 * come to pass all the same.
 */
import type { Answer, Operation, Read, ReadAnswer } from '../replication/operation.js';
import type { NodeId, Partition } from '../shared/ids.js';
import type { Clock } from '../shared/clock.js';
import type { PartitionDriver } from './partition-driver.js';
import { Patience } from './patience.js';
import { pick } from './questions.js';
import type { Asked, Questions } from './questions.js';
import type { Replicas } from './replicas.js';
import type { ListReply, RequestServer } from './request-server.js';

export interface ReplicaAskerParts<B> {
  readonly self: NodeId;
  readonly clock: Clock;
  readonly replicas: Replicas<B>;
  readonly server: RequestServer<B>;
  readonly questions: Questions;
  /** This node has left: nothing is asked of its own replicas any more. */
  closed(): boolean;
}

export class ReplicaAsker<B> {
  readonly #parts: ReplicaAskerParts<B>;
  readonly #patience: Patience;

  constructor(parts: ReplicaAskerParts<B>) {
    this.#parts = parts;
    this.#patience = new Patience(parts.clock);
  }

  /** @param attempt counts the sendings of this operation */
  async operate(
    to: NodeId,
    partition: Partition,
    operation: Operation,
    attempt: number,
    timeoutMs: number,
  ): Promise<Asked<Answer>> {
    const { self, questions } = this.#parts;
    if (to === self) return this.#here(partition, (driver) => driver.operate(operation), timeoutMs);
    const reply = await questions.ask(to, { kind: 'operate', partition, operation, attempt }, timeoutMs);
    return pick(reply, (each) => (each.kind === 'operate' ? each.answer : undefined));
  }

  /** @param waitMs for a state that is newer than what the asker has */
  async read(to: NodeId, partition: Partition, read: Read, waitMs: number, timeoutMs: number): Promise<Asked<ReadAnswer>> {
    const { self, server, questions } = this.#parts;
    if (to === self) return this.#here(partition, (driver) => server.readAndWait(driver, read, waitMs), timeoutMs);
    const reply = await questions.ask(to, { kind: 'read', partition, read, waitMs }, timeoutMs);
    return pick(reply, (each) => (each.kind === 'read' ? each.answer : undefined));
  }

  /** @param after the last id that was listed before; empty: from the first */
  async list(
    to: NodeId,
    partition: Partition,
    className: string,
    after: string,
    limit: number,
    timeoutMs: number,
  ): Promise<Asked<ListReply>> {
    const { self, server, questions } = this.#parts;
    const message = { kind: 'list', partition, className, after, limit } as const;
    if (to === self) return { kind: 'answered', answer: server.list(message) };
    const reply = await questions.ask(to, message, timeoutMs);
    return pick(reply, (each) => (each.kind === 'list' ? each : undefined));
  }

  #here<T>(partition: Partition, ask: (driver: PartitionDriver<B>) => Promise<T>, timeoutMs: number): Promise<Asked<T>> {
    const driver = this.#parts.replicas.get(partition);
    if (driver === undefined || this.#parts.closed()) return Promise.resolve({ kind: 'absent' });
    return new Promise((resolve, reject) => {
      const wait = this.#patience.begin(timeoutMs, () => resolve({ kind: 'lost' }));
      ask(driver).then(
        (answer) => {
          wait.end();
          resolve({ kind: 'answered', answer });
        },
        (error: unknown) => {
          wait.end();
          reject(error);
        },
      );
    });
  }
}
