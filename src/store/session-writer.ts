/**
 * Sends what changes sessions, in order for each session.
 *
 * Invariant: one operation of this client on a session is under way at a time, each under an id of its own: a client's last
 * operation is what replicas remember of it, so a repeated one is known for what it is.
 */
import type { SessionModel } from '../model/session-model.js';
import { partitionOf } from '../node/cluster-node.js';
import type { NodeOperation } from '../node/cluster-node.js';
import type { Events } from '../observe/events.js';
import type { Clock } from '../shared/clock.js';
import type { TwinstateError } from '../shared/errors.js';
import type { SessionId } from '../shared/ids.js';
import type { Committed } from './calls.js';
import type { Deadline } from './deadline.js';
import { HeldState } from './held-state.js';
import { Lanes } from './lane.js';
import type { Ack } from './options.js';
import { conflict, stale } from './refusals.js';
import { reportConflict, reportWrite } from './reports.js';
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
  #operations = 0;

  constructor(parts: WriterParts) {
    this.#parts = parts;
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
    const bytes = pending.delta.byteLength;
    const stored = this.inTurn(
      copy.id,
      async () => {
        if (copy.stale !== undefined) throw stale(copy.id, copy.stale);
        const { id, model } = copy;
        if (pending.conflict !== undefined) {
          const { slots, why } = pending.conflict;
          throw reportConflict(this.#parts.events, model.name, conflict(id, copy.base, copy.base, slots, why), id);
        }
        const base = { version: copy.base, incarnation: copy.incarnation };
        const { delta: payload, rebased } = pending;
        const done = await this.#send({ kind: 'commit', id, model, base, payload, ack, rebased }, deadline);
        // a merged one may not stand in the log as it was sent
        if (!done.merged) this.#parts.cache.follow(id, base, [{ version: done.version, delta: payload }]);
        copy.acknowledged(done);
        return { version: done.version, bytes };
      },
      deadline,
    );
    // before the next of the lane begins
    return stored.catch((error: unknown) => {
      copy.stale ??= error as TwinstateError;
      throw error;
    });
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
    const { kind, id, model, base, payload, ack, rebased } = operation;
    const { client, router, partitions, events, clock } = this.#parts;
    const op = { client, counter: ++this.#operations };
    const backups = typeof ack === 'object' ? ack.backups : 0;
    const asked = { kind, session: id, op, base, className: model.name, payload, backups, rebased };
    const lifetime = { ttlMs: model.ttlMs ?? 0, maxAgeMs: model.maxAgeMs ?? 0 };
    const done = router.operate(partitionOf(id, partitions), kind === 'create' ? { ...asked, lifetime } : asked, deadline);
    return reportWrite(events, clock, operation, done);
  }
}
