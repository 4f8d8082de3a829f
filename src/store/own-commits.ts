/**
 * Commits on their way to a primary in this very process: what most commits are, where requests stick to a process.
 *
 * Invariant: a commit here has the turn of its session and gives it back once, at its end; it ends by its primary's answer, or goes
 * on through the router, which knows what any other answer means and what to do where none comes in time. It needs no frame of an
 * asynchronous function and no timer of its own: one timer looks after all of them, and there is none while there is no commit.
 */
import type { ClusterNode, NodeAnswer, NodeOperation } from '../node/cluster-node.js';
import type { Clock } from '../shared/clock.js';
import type { TwinstateError } from '../shared/errors.js';
import type { Partition } from '../shared/ids.js';
import type { AtRest } from '../session/at-rest.js';
import type { Committed } from './calls.js';
import type { Deadline } from './deadline.js';
import { TRY_MS } from './router.js';
import type { Done, FirstTry, Router } from './router.js';
import type { PendingDelta, WorkingCopy } from './working-copy.js';

/** Commits whose time is up are found at most so late, in milliseconds. */
const LOOK_MS = 16;

/** What happens at the end of a commit, in this order, and then its promise is settled. */
export interface CommitEnd {
  stored(copy: WorkingCopy, pending: PendingDelta, done: Done): Committed;
  failed(copy: WorkingCopy, error: TwinstateError): void;
  /** The session's turn is over. */
  left(copy: WorkingCopy): void;
}

export interface OwnCommitsParts extends CommitEnd {
  readonly node: ClusterNode<AtRest>;
  readonly router: Router;
  readonly clock: Clock;
}

export class OwnCommits {
  readonly #parts: OwnCommitsParts;
  readonly #underWay = new Set<OwnCommit>();
  #looking = false;

  constructor(parts: OwnCommitsParts) {
    this.#parts = parts;
  }

  /**
   * Hands a commit to the primary in this process. `undefined`: there is none, and nothing has happened.
   *
   * @param deadline without a signal: whoever may abort asks through the router
   */
  send(
    copy: WorkingCopy,
    pending: PendingDelta,
    partition: Partition,
    operation: NodeOperation,
    deadline: Deadline,
  ): Promise<Committed> | undefined {
    const commit = new OwnCommit(this, copy, pending, partition, operation, deadline);
    if (!this.#parts.node.operateHere(partition, operation, commit)) return undefined;
    this.#underWay.add(commit);
    if (!this.#looking) this.#lookSoon();
    return commit.ended;
  }

  /** @param again what the router is to make of it; `undefined`: it is stored */
  end(commit: OwnCommit, first: FirstTry): void {
    if (!this.#underWay.delete(commit)) return;
    if (first.kind === 'answered' && first.answer.kind === 'done') return this.#stored(commit, first.answer);
    const { partition, operation, deadline } = commit;
    this.#parts.router.operate(partition, operation, deadline, first).then(
      (done) => this.#stored(commit, done),
      (error: unknown) => {
        this.#parts.failed(commit.copy, error as TwinstateError);
        this.#parts.left(commit.copy);
        commit.reject(error);
      },
    );
  }

  #stored(commit: OwnCommit, done: Done): void {
    const committed = this.#parts.stored(commit.copy, commit.pending, done);
    this.#parts.left(commit.copy);
    commit.resolve(committed);
  }

  #lookSoon(): void {
    this.#looking = true;
    this.#parts.clock.after(LOOK_MS, () => {
      const nowMs = this.#parts.clock.now();
      for (const commit of this.#underWay) if (nowMs >= commit.untilMs) this.end(commit, { kind: 'lost' });
      if (this.#underWay.size > 0) this.#lookSoon();
      else this.#looking = false;
    });
  }
}

/** One of them. */
class OwnCommit {
  readonly ended: Promise<Committed>;
  readonly copy: WorkingCopy;
  readonly pending: PendingDelta;
  readonly partition: Partition;
  readonly operation: NodeOperation;
  readonly deadline: Deadline;
  readonly untilMs: number;
  readonly #all: OwnCommits;
  resolve!: (committed: Committed) => void;
  reject!: (error: unknown) => void;

  constructor(
    all: OwnCommits,
    copy: WorkingCopy,
    pending: PendingDelta,
    partition: Partition,
    operation: NodeOperation,
    deadline: Deadline,
  ) {
    this.#all = all;
    this.copy = copy;
    this.pending = pending;
    this.partition = partition;
    this.operation = operation;
    this.deadline = deadline;
    this.untilMs = deadline.untilMs - Math.max(0, deadline.timeoutMs - TRY_MS);
    this.ended = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  answered(answer: NodeAnswer): void {
    this.#all.end(this, { kind: 'answered', answer });
  }
}
