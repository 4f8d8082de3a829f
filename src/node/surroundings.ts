/**
 * What a node's replicas are given by it, and tell it: time, the log's generations, and messages to the other replicas of a partition.
 *
 * Invariant: nothing that a replica says to another one decides anything; the log does. A message that is lost costs time.
 */
import type { Bus } from '../engine/port.js';
import type { Effect } from '../replication/effect.js';
import type { Answer, Operation } from '../replication/operation.js';
import type { Recall } from '../replication/seed-choice.js';
import type { Timing } from '../replication/timing.js';
import type { NodeId, Partition, SessionId } from '../shared/ids.js';
import type { Generations } from './generations.js';
import { encodeMessage } from './message.js';
import type { Asked, Questions } from './questions.js';
import type { NodeEvent, Runtime } from './runtime.js';

export interface SurroundingsParts {
  readonly self: NodeId;
  readonly runtime: Runtime;
  readonly timing: Timing;
  readonly bus: Bus;
  readonly generations: Generations;
  readonly questions: Questions;
  /** Asks whoever leads at `to`, this node or another one; for the first time. */
  operate(to: NodeId, partition: Partition, operation: Operation, timeoutMs: number): Promise<Asked<Answer>>;
  /** These sessions have a new acknowledged state here. */
  changed(sessions: ReadonlySet<SessionId>): void;
  event(event: NodeEvent): void;
}

export class Surroundings {
  readonly runtime: Runtime;
  readonly generations: Generations;
  readonly #parts: SurroundingsParts;

  constructor(parts: SurroundingsParts) {
    this.#parts = parts;
    this.runtime = parts.runtime;
    this.generations = parts.generations;
  }

  /** Tells the primary how far this replica is. */
  report({ to, epoch, position }: Extract<Effect, { type: 'report' }>, partition: Partition): void {
    const { self, bus } = this.#parts;
    bus.tell(to, encodeMessage({ kind: 'report', term: { partition, epoch }, from: self, position }));
  }

  /** Asks a follower to lead from here on; resolves to whether it said yes, or to `undefined` where nobody knows. */
  async invite({ to, epoch, position }: Extract<Effect, { type: 'invite' }>, partition: Partition): Promise<boolean | undefined> {
    const { self, questions, timing } = this.#parts;
    const invitation = { kind: 'invite', term: { partition, epoch }, from: self, position } as const;
    const reply = await questions.ask(to, invitation, timing.handoverMs);
    if (reply.kind === 'absent') return false;
    return reply.kind === 'answered' && reply.answer.kind === 'invite' ? reply.answer.agreed : undefined;
  }

  /** Tells every node what this replica remembers. */
  recall(partition: Partition, recall: Recall): void {
    this.#parts.bus.announce(encodeMessage({ kind: 'recall', partition, recall }));
  }

  /** Asks a node's primary to take over what it lacks; `undefined`: no answer. */
  async offer(to: NodeId, partition: Partition, operation: Operation): Promise<Answer | undefined> {
    const asked = await this.#parts.operate(to, partition, operation, this.#parts.timing.silenceMs);
    return asked.kind === 'answered' ? asked.answer : undefined;
  }

  changed(sessions: ReadonlySet<SessionId>): void {
    this.#parts.changed(sessions);
  }

  event(event: NodeEvent): void {
    this.#parts.event(event);
  }
}
