/**
 * Opens sessions and brings held ones up to date: asks whoever leads them, and says what is held here, so that the answer is as
 * small as that allows.
 *
 * Invariant: what is handed out is what a replica has just answered: a snapshot, or what is held here after the word that it is
 * the newest, or with the deltas that it lacked. What is held here alone is never handed out.
 */
import type { Graph } from '../diff/graph.js';
import type { SessionModel } from '../model/session-model.js';
import type { ClusterNode } from '../node/cluster-node.js';
import type { Events } from '../observe/events.js';
import type { AtRest } from '../session/at-rest.js';
import type { Clock } from '../shared/clock.js';
import type { Partition, Sequence, SessionId, Version } from '../shared/ids.js';
import type { Deadline } from './deadline.js';
import type { Freshness } from './freshness.js';
import { HeldState } from './held-state.js';
import { reportOpen } from './reports.js';
import { gone, otherClass, quarantined, unexpected, withheld } from './refusals.js';
import type { FinalRead, Router } from './router.js';
import type { SessionCache } from './session-cache.js';
import type { WorkingCopy } from './working-copy.js';

export interface Opened {
  readonly graph: Graph;
  readonly version: Version;
  readonly incarnation: Sequence;
}

export class SessionReader {
  readonly #router: Router;
  readonly #node: ClusterNode<AtRest>;
  readonly #cache: SessionCache;
  readonly #events: Events;
  readonly #clock: Clock;

  constructor(router: Router, node: ClusterNode<AtRest>, cache: SessionCache, events: Events, clock: Clock) {
    this.#router = router;
    this.#node = node;
    this.#cache = cache;
    this.#events = events;
    this.#clock = clock;
  }

  /** An instance with a graph of its own; `undefined` where there is no such session. */
  async open(
    partition: Partition,
    model: SessionModel,
    session: SessionId,
    freshness: Freshness,
    deadline: Deadline,
  ): Promise<Opened | undefined> {
    const cached = this.#asksPrimary(partition, freshness);
    const held = cached ? this.#cache.get(session) : undefined;
    const use = freshness.consistency !== 'local';
    const asked = this.#router.read(partition, { session, ...freshness, known: held, use }, deadline);
    const answer = await reportOpen(this.#events, this.#clock, session, model.name, asked);
    const state = this.#stateOf(session, answer, held);
    if (state === undefined) return undefined;
    if (state.className !== model.name) throw otherClass(session, model.name, state.className);
    let graph: Graph;
    let kept = state;
    try {
      if (cached && state.unwieldy) kept = state.folded(state.graph(model.limits));
      graph = kept.open(model);
    } catch (error) {
      if (answer.kind === 'snapshot') throw error;
      // what was held here is not what it should be: it is forgotten, never served
      this.#cache.forget(session);
      return this.open(partition, model, session, freshness, deadline);
    }
    if (cached) this.#cache.keep(session, kept, held);
    return { graph, version: state.version, incarnation: state.incarnation };
  }

  /** Brings a working copy to the newest state, in place. @throws {TwinstateError} `SESSION_GONE`, `SESSION_QUARANTINED` */
  async refresh(partition: Partition, copy: WorkingCopy, deadline: Deadline): Promise<void> {
    const { id: session } = copy;
    const freshness: Freshness = { consistency: 'strong', atLeast: undefined };
    // a stale copy is no base for deltas any more; what is held here may be
    const held = copy.stale === undefined ? undefined : this.#cache.get(session);
    const known = copy.stale === undefined ? { version: copy.base, incarnation: copy.incarnation } : held;
    const answer = await this.#router.read(partition, { session, ...freshness, known, use: true }, deadline);
    if (answer.kind === 'gone' || ('incarnation' in answer && answer.incarnation !== copy.incarnation)) {
      this.#cache.forget(session);
      throw gone(session, undefined, answer.kind === 'gone' ? answer.ended : undefined);
    }
    if (answer.kind === 'quarantined') throw quarantined(session, answer.why);
    if (answer.kind === 'withheld') throw withheld(session, answer.why);
    if (answer.kind === 'snapshot') copy.reset(answer, answer.version);
    else if (held !== undefined) await this.#renew(partition, copy, answer, held, deadline);
    else {
      const deltas = answer.kind === 'deltas' ? answer.deltas : [];
      this.#cache.follow(session, { version: copy.base, incarnation: copy.incarnation }, deltas);
      copy.reset({ deltas }, answer.version);
    }
  }

  /** Builds a stale copy anew from what is held here and the answer to it. */
  async #renew(partition: Partition, copy: WorkingCopy, answer: FinalRead, held: HeldState, deadline: Deadline): Promise<void> {
    const state = this.#stateOf(copy.id, answer, held)!;
    let folded: HeldState;
    try {
      folded = state.folded(state.graph(copy.model.limits));
    } catch {
      this.#cache.forget(copy.id);
      return this.refresh(partition, copy, deadline);
    }
    copy.reset({ snapshot: folded.snapshot }, state.version);
    this.#cache.keep(copy.id, folded, held);
  }

  /** What a backup here shows is no primary's word: nothing is kept of it, and what is kept does not help it. */
  #asksPrimary(partition: Partition, { consistency }: Freshness): boolean {
    return consistency !== 'local' || !this.#node.holds(partition);
  }

  #stateOf(session: SessionId, answer: FinalRead, held: HeldState | undefined): HeldState | undefined {
    switch (answer.kind) {
      case 'gone':
        this.#cache.forget(session);
        return undefined;
      case 'quarantined':
        throw quarantined(session, answer.why);
      case 'withheld':
        throw withheld(session, answer.why);
      case 'snapshot':
        return HeldState.of(answer, answer.version, answer.snapshot);
      case 'same':
        if (held?.version === answer.version && held.incarnation === answer.incarnation) return held;
        throw unexpected('the same as a state that was not named');
      case 'deltas': {
        const state = held?.incarnation === answer.incarnation ? held.after(answer.deltas) : undefined;
        if (state?.version === answer.version) return state;
        throw unexpected('deltas that do not follow the state that was named');
      }
    }
  }
}
