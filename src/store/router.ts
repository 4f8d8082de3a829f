/**
 * Brings an operation or a read to whoever leads its partition, and comes back with the truth about it.
 *
 * Invariant: an operation is sent again, with the same id, until a final answer comes or time is up. `not-stored` is said only
 * where every try ended cleanly (it reached nobody, or was refused by somebody who can never store it); else it is `unknown`.
 */
import { TwinstateError } from '../shared/errors.js';
import type { Outcome } from '../shared/errors.js';
import type { NodeId, Partition, SessionId } from '../shared/ids.js';
import { aborted } from '../shared/signal.js';
import type { AtRest } from '../session/at-rest.js';
import type { Deadline } from './deadline.js';
import { closed, conflict, forgotten, gone, unavailable, withheld } from './refusals.js';
import { CLIENTS_MAX } from '../node/cluster-node.js';
import type { Asked, ClusterNode, NodeAnswer, NodeOperation, NodeRead, NodeReadAnswer } from '../node/cluster-node.js';

/** One try waits so long for its answer, at most, before it is sent again. */
export const TRY_MS = 1_000;
/** Between two tries, growing. */
const PAUSE_MS = 5;
const PAUSE_MS_MAX = 100;
/** What the primary before still has to say is waited for so long, once another one is known. */
const LAST_WORD_MS = 15;

export type Done = Extract<NodeAnswer, { kind: 'done' }>;
/** What came of a try that was made already. */
export type FirstTry = Asked<NodeAnswer>;
export type FinalRead = Exclude<NodeReadAnswer, { kind: 'retry' }>;
type Refusal = Exclude<NodeAnswer, { kind: 'done' | 'retry' }>;

export class Router {
  readonly #node: ClusterNode<AtRest>;
  readonly #hints = new Map<Partition, NodeId>();
  /** Walks over the candidates where nobody is known to lead. */
  #turn = 0;

  constructor(node: ClusterNode<AtRest>) {
    this.#node = node;
  }

  /**
   * @param first what came of a try that this process has made with its own replica
   * @throws {TwinstateError} with a true `outcome`
   */
  async operate(
    partition: Partition,
    operation: Omit<NodeOperation, 'waitMs'>,
    deadline: Deadline,
    first?: FirstTry,
  ): Promise<Done> {
    let maybeStored = false;
    /** Who has not refused what was sent there: it may still arrive. */
    const strays = new Set<NodeId>();
    let why = 'nobody leads its partition';
    let to = first === undefined ? undefined : this.#node.self;
    for (let tries = 0, asked = first; ; tries++, asked = undefined) {
      const believed = this.#node.leaderOf(partition);
      if (asked === undefined) {
        const outcome: Outcome = maybeStored ? 'unknown' : 'not-stored';
        if (this.#node.closed) throw closed(outcome);
        if (deadline.signal?.aborted === true) throw aborted(deadline.signal, outcome);
        if (deadline.passed) throw unavailable(operation.session, why, outcome, deadline.timeoutMs);
        to = this.#target(partition, tries, to);
        if (to !== undefined) asked = await this.#try(to, partition, operation, tries, deadline);
      }
      if (to !== undefined && asked !== undefined) {
        if (asked.kind === 'answered') {
          const { answer } = asked;
          if (asked.again === true) maybeStored = true;
          if (answer.kind === 'done') {
            this.#hints.set(partition, to);
            return answer;
          }
          if (answer.kind !== 'retry') {
            // whoever has refused a try takes none in that was sent before it
            strays.delete(to);
            const final = refusal(operation, answer, { maybeStored, astray: strays.size > 0, by: to });
            if (final !== undefined) throw final;
            why = 'an earlier try may have been stored';
          } else {
            if (!answer.clean) {
              maybeStored = true;
              strays.add(to);
            }
            why = answer.why;
            this.#follow(partition, to, answer.hint);
            if (answer.hint !== undefined && answer.hint !== to && tries < 3) continue;
          }
        } else {
          this.#follow(partition, to, undefined);
          if (asked.kind === 'lost') {
            maybeStored = true;
            strays.add(to);
          }
          why = asked.kind === 'lost' ? 'its primary did not answer' : 'its primary is not there';
        }
      }
      await this.#pause(deadline, partition, believed, tries);
    }
  }

  async read(
    partition: Partition,
    read: NodeRead,
    deadline: Deadline,
    options: { readonly waitMs?: number; readonly atOnce?: boolean } = {},
  ): Promise<FinalRead> {
    const local = read.consistency === 'local' && this.#node.holds(partition);
    let why = 'nobody leads its partition';
    let to: NodeId | undefined;
    for (let tries = 0; ; tries++) {
      if (this.#node.closed) throw closed(undefined);
      if (deadline.signal?.aborted === true) throw aborted(deadline.signal);
      if (deadline.passed) throw unavailable(read.session, why, undefined, deadline.timeoutMs);
      const here = local && tries === 0;
      const believed = this.#node.leaderOf(partition);
      to = here ? this.#node.self : this.#target(partition, tries, to);
      if (to !== undefined) {
        const waitMs = Math.min(options.waitMs ?? 0, Math.max(0, deadline.leftMs - 100));
        // elsewhere `local` would be somebody else's idea of it, unless all that is asked for is an answer at once
        const elsewhere = read.consistency === 'local' && !here && options.atOnce !== true;
        const consistency = elsewhere ? 'primary' : read.consistency;
        const tryMs = Math.min(deadline.leftMs, TRY_MS + waitMs);
        const reply = this.#node.asker.read(to, partition, { ...read, consistency }, waitMs, tryMs);
        const asked = await this.#answered(deadline, partition, to, reply);
        if (asked.kind === 'answered') {
          const { answer } = asked;
          // another replica may be of the release that wrote it
          if (here && answer.kind === 'withheld') continue;
          if (answer.kind !== 'retry') {
            if (!here) this.#hints.set(partition, to);
            return answer;
          }
          why = answer.why;
          if (here) continue;
          this.#follow(partition, to, answer.hint);
          if (answer.hint !== undefined && answer.hint !== to && tries < 3) continue;
        } else {
          this.#follow(partition, to, undefined);
          why = asked.kind === 'lost' ? 'its primary did not answer' : 'its primary is not there';
        }
      }
      await this.#pause(deadline, partition, believed, tries);
    }
  }

  /** One page of the ids of a class in a partition, and how many there are. */
  async list(
    partition: Partition,
    className: string,
    after: string,
    limit: number,
    deadline: Deadline,
  ): Promise<{ readonly ids: readonly SessionId[]; readonly total: number }> {
    let to: NodeId | undefined;
    for (let tries = 0; ; tries++) {
      if (this.#node.closed) throw closed(undefined);
      if (deadline.signal?.aborted === true) throw aborted(deadline.signal);
      if (deadline.passed) throw unavailable(undefined, `nobody leads partition ${partition}`, undefined, deadline.timeoutMs);
      const believed = this.#node.leaderOf(partition);
      to = this.#target(partition, tries, to);
      if (to !== undefined) {
        const asked = await deadline.race(
          this.#node.asker.list(to, partition, className, after, limit, Math.min(deadline.leftMs, TRY_MS)),
        );
        if (asked.kind === 'answered' && asked.answer.ids !== undefined)
          return { ids: asked.answer.ids, total: asked.answer.total };
        this.#follow(partition, to, asked.kind === 'answered' ? asked.answer.hint : undefined);
      }
      await this.#pause(deadline, partition, believed, tries);
    }
  }

  #try(
    to: NodeId,
    partition: Partition,
    operation: Omit<NodeOperation, 'waitMs'>,
    tries: number,
    deadline: Deadline,
  ): Promise<FirstTry> {
    const { leftMs } = deadline;
    const waits = operation.backups > 0;
    // where backups are waited for, the primary itself answers at the end of the time
    const whole = { ...operation, waitMs: waits ? Math.max(0, leftMs - 50) : 0 };
    const reply = this.#node.asker.operate(to, partition, whole, tries, waits ? leftMs : Math.min(leftMs, TRY_MS));
    return this.#answered(deadline, partition, to, reply);
  }

  /** A reply, or `lost`. Whoever waits here is told when this process leads no more, so only another's silence is watched. */
  #answered<T>(deadline: Deadline, partition: Partition, to: NodeId, reply: Promise<Asked<T>>): Promise<Asked<T>> {
    const asked = to === this.#node.self ? reply : this.#unlessMoved(deadline, partition, to, reply);
    return deadline.signal === undefined ? asked : deadline.race(asked);
  }

  /** A reply, or `lost` as soon as somebody else is known to lead: what is asked of the dead hangs until its time is up. */
  async #unlessMoved<T>(deadline: Deadline, partition: Partition, to: NodeId, reply: Promise<Asked<T>>): Promise<Asked<T>> {
    const other = this.#node.otherLeader(partition, to);
    try {
      return await Promise.race([reply, other.known.then(() => this.#lostSoon<T>(deadline))]);
    } finally {
      other.cancel();
    }
  }

  /** A primary that has handed over says so about now, and that says more than silence. */
  async #lostSoon<T>(deadline: Deadline): Promise<Asked<T>> {
    await deadline.sleep(LAST_WORD_MS);
    return { kind: 'lost' };
  }

  /** Waits longer from try to try, but no longer than until another primary is known than was believed when the try began. */
  async #pause(deadline: Deadline, partition: Partition, believed: NodeId | undefined, tries: number): Promise<void> {
    const news = this.#node.newsOfLeader(partition, believed);
    await deadline.sleep(Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** Math.min(tries, 5)), news.known);
    news.cancel();
    // a hint of somebody who had not heard the news yet leads back to the dead
    if (this.#node.leaderOf(partition) !== believed) this.#hints.delete(partition);
  }

  /**
   * Whom to ask: who was right last time, else who is believed to lead, else one of those who should know, in turn.
   * @param asked who was asked last, in vain: news of another primary is better than anybody's turn, which may be that of the dead
   */
  #target(partition: Partition, tries: number, asked: NodeId | undefined): NodeId | undefined {
    const hint = this.#hints.get(partition);
    if (hint !== undefined) return hint;
    const leader = this.#node.leaderOf(partition);
    if (leader !== undefined && (leader !== asked || tries % 3 !== 2)) return leader;
    const candidates = this.#node.candidates(partition);
    return candidates.length === 0 ? leader : candidates[this.#turn++ % candidates.length];
  }

  #follow(partition: Partition, asked: NodeId, hint: NodeId | undefined): void {
    if (hint !== undefined && hint !== asked) this.#hints.set(partition, hint);
    else this.#hints.delete(partition);
  }
}

/** Of a limit: raising it in the process that writes alone helps nobody. */
const PRIMARY_COUNTS = 'the limits of the process that leads a session count: set the same in all of them';

/** What is known of an operation beside the last answer to it. */
interface Tried {
  /** An earlier try may have been stored. */
  readonly maybeStored: boolean;
  /** An earlier try may still arrive, at another node than the one that answered. */
  readonly astray: boolean;
  /** Who answered. */
  readonly by: NodeId;
}

/** What a final answer means to the caller; `undefined` where an earlier try makes it say nothing. */
function refusal(
  operation: Omit<NodeOperation, 'waitMs'>,
  answer: Refusal,
  { maybeStored, astray, by }: Tried,
): TwinstateError | undefined {
  const id = JSON.stringify(operation.session);
  switch (answer.kind) {
    case 'conflict':
      // had it been stored, it would be remembered, unless this many others have committed since
      if (maybeStored && answer.version - (operation.base?.version ?? 0) > CLIENTS_MAX) return forgotten(operation.session);
      // what one primary has no history for another one may have: an earlier try that arrives there is stored
      if (astray && answer.slots.length === 0) return forgotten(operation.session);
      return conflict(operation.session, operation.base?.version ?? 0, answer.version, answer.slots, answer.why);
    case 'gone':
      // what ends or touches whatever is there would meet the next session of that id
      return gone(operation.session, astray && operation.base === undefined ? 'unknown' : 'not-stored', answer.ended);
    case 'exists':
      // it may be one's own: then an earlier try was stored, and somebody else's operation hides it
      return new TwinstateError('SESSION_EXISTS', `a session with the id ${id} exists`, {
        outcome: maybeStored ? 'unknown' : 'not-stored',
        cure: 'open it, or create one without an id',
      });
    case 'stored':
      return new TwinstateError(
        'NOT_ENOUGH_BACKUPS',
        `version ${answer.version} of session ${id} is in the log, but not yet held by ${operation.backups} backups`,
        {
          outcome: 'stored',
          version: answer.version,
          cure: 'the commit survives crashes of nodes; commit again once more backups are here',
        },
      );
    case 'refused':
      if (maybeStored) return undefined;
      if (answer.code === 'FORMAT_UNSUPPORTED') return withheld(operation.session, answer.why, 'not-stored');
      return new TwinstateError(answer.code, `the primary, ${by}, refused this ${operation.kind} of session ${id}`, {
        received: answer.why,
        outcome: 'not-stored',
        cure: answer.code === 'LIMIT_EXCEEDED' ? PRIMARY_COUNTS : 'nothing was changed',
      });
  }
}
