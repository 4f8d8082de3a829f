/**
 * Sends what changes sessions, in order for each session.
 *
 * Invariant: one operation of this client on a session is under way at a time, each under an id of its own: a client's last
 * operation is what replicas remember of it, so a repeated one is known for what it is.
 */
import type { SessionModel } from '../model/session-model.js';
import { partitionOf } from '../node/cluster-node.js';
import type { ClusterNode, NodeOperation } from '../node/cluster-node.js';
import type { Events } from '../observe/events.js';
import type { Clock } from '../shared/clock.js';
import type { TwinstateError } from '../shared/errors.js';
import type { SessionId } from '../shared/ids.js';
import type { AtRest } from '../session/at-rest.js';
import type { Committed } from './calls.js';
import type { Deadline } from './deadline.js';
import { HeldState } from './held-state.js';
import { Lanes } from './lane.js';
import { OwnCommits } from './own-commits.js';
import type { Ack } from './options.js';
import { conflict, stale } from './refusals.js';
import { reportConflict, reportWrite, writesAreHeard } from './reports.js';
import type { Done, Router } from './router.js';
import type { SessionCache } from './session-cache.js';
import type { PendingDelta, WorkingCopy } from './working-copy.js';

export interface StoreOperation extends Pick<NodeOperation, 'base' | 'payload' | 'rebased'> {
  readonly kind: 'create' | 'commit' | 'touch' | 'destroy';
  readonly id: SessionId;
  readonly model: SessionModel;
  readonly ack: Ack;
}

export interface WriterParts {
  readonly node: ClusterNode<AtRest>;
  readonly router: Router;
  readonly cache: SessionCache;
  readonly partitions: number;
  /** This client's incarnation: part of every operation's id. */
  readonly client: string;
  readonly events: Events;
  readonly clock: Clock;
}

export class SessionWriter {
  readonly #parts: WriterParts;
  readonly #lanes = new Lanes<SessionId>();
  readonly #own: OwnCommits;
  #operations = 0;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    this.#own = new OwnCommits({
      node: parts.node,
      router: parts.router,
      clock: parts.clock,
      stored: (copy, pending, done) => this.#stored(copy, pending, done),
      failed: (copy, error) => void (copy.stale ??= error),
      left: (copy) => this.#lanes.leave(copy.id),
    });
  }

  /** Creates, touches or destroys. @throws {TwinstateError} with a true `outcome` */
  async operate(operation: StoreOperation, deadline: Deadline): Promise<Done> {
    const { kind, id, model, payload } = operation;
    const done = await this.inTurn(id, () => this.#send(operation, deadline), deadline);
    if (kind === 'create') this.#parts.cache.keep(id, HeldState.of({ className: model.name, ...done }, done.version, payload));
    if (kind === 'destroy') this.#parts.cache.forget(id);
    return done;
  }

  /** Commits what `copy.diff` has found. Whatever goes wrong leaves the copy stale. */
  commit(copy: WorkingCopy, pending: PendingDelta, ack: Ack, deadline: Deadline): Promise<Committed> {
    return this.#commitHere(copy, pending, ack, deadline) ?? this.#commitInTurn(copy, pending, ack, deadline);
  }

  /** The way of most commits: nothing of its session is under way, its primary is here, and nobody listens. */
  #commitHere(copy: WorkingCopy, pending: PendingDelta, ack: Ack, deadline: Deadline): Promise<Committed> | undefined {
    const { signal, timeoutMs } = deadline;
    if (typeof ack === 'object' || signal !== undefined || timeoutMs === 0 || pending.conflict !== undefined) return undefined;
    if (writesAreHeard(this.#parts.events) || !this.#lanes.enter(copy.id)) return undefined;
    const { id, model, base, incarnation } = copy;
    const { delta: payload, rebased } = pending;
    const operation = this.#operation({
      kind: 'commit',
      id,
      model,
      base: { version: base, incarnation },
      payload,
      ack,
      rebased,
    });
    const partition = partitionOf(id, this.#parts.partitions);
    const sent = this.#own.send(copy, pending, partition, operation, deadline);
    if (sent === undefined) this.#lanes.leave(id);
    return sent;
  }

  #commitInTurn(copy: WorkingCopy, pending: PendingDelta, ack: Ack, deadline: Deadline): Promise<Committed> {
    const { id, model } = copy;
    const stored = this.inTurn(
      id,
      async () => {
        try {
          if (copy.stale !== undefined) throw stale(id, copy.stale);
          if (pending.conflict !== undefined) {
            const { slots, why } = pending.conflict;
            throw reportConflict(this.#parts.events, model.name, conflict(id, copy.base, copy.base, slots, why), id);
          }
          const base = { version: copy.base, incarnation: copy.incarnation };
          const { delta: payload, rebased } = pending;
          return this.#stored(
            copy,
            pending,
            await this.#send({ kind: 'commit', id, model, base, payload, ack, rebased }, deadline),
          );
        } catch (error) {
          // before the next of the lane begins
          copy.stale ??= error as TwinstateError;
          throw error;
        }
      },
      deadline,
    );
    // it may have given up before its turn
    return stored.catch((error: unknown) => {
      copy.stale ??= error as TwinstateError;
      throw error;
    });
  }

  #stored(copy: WorkingCopy, { delta }: PendingDelta, done: Done): Committed {
    const { cache } = this.#parts;
    const { version } = done;
    // a merged one may not stand in the log as it was sent
    if (!done.merged && cache.size > 0) {
      cache.follow(copy.id, { version: copy.base, incarnation: copy.incarnation }, [{ version, delta }]);
    }
    copy.acknowledged(done);
    return { version, bytes: delta.byteLength };
  }

  /** Runs a task when everything of this session that was asked for before it has ended. */
  inTurn<T>(id: SessionId, task: () => Promise<T>, deadline: Deadline): Promise<T> {
    return this.#lanes.run(id, task, deadline);
  }

  /** Resolves once everything that was given so far has ended. */
  idle(): Promise<void> {
    return this.#lanes.idle();
  }

  #send(operation: StoreOperation, deadline: Deadline): Promise<Done> {
    const { router, partitions, events, clock } = this.#parts;
    const done = router.operate(partitionOf(operation.id, partitions), this.#operation(operation), deadline);
    return reportWrite(events, clock, operation, done);
  }

  #operation({ kind, id, model, base, payload, ack, rebased }: StoreOperation): NodeOperation {
    const op = { client: this.#parts.client, counter: ++this.#operations };
    const backups = typeof ack === 'object' ? ack.backups : 0;
    // found within the limits of this process, which `connect` lets be no more than those that everybody reads by
    const trusted = kind === 'commit';
    const asked = { kind, session: id, op, base, className: model.name, payload, trusted, backups, rebased, waitMs: 0 };
    return kind === 'create' ? { ...asked, lifetime: { ttlMs: model.ttlMs ?? 0, maxAgeMs: model.maxAgeMs ?? 0 } } : asked;
  }
}
