/**
 * Follows one session from outside, version by version.
 *
 * Invariant: the graph here is the session at `version`; every delta that is taken into it is yielded, alone or together with
 * those that arrived while the reader was busy. It asks its primary for "newer than what I have" and waits there; what an earlier
 * primary still says, older than that, is passed over.
 */
import { Graph } from '../diff/graph.js';
import { deltaPaths } from '../diff/delta-description.js';
import type { SessionModel } from '../model/session-model.js';
import { TwinstateError } from '../shared/errors.js';
import type { Partition, SessionId } from '../shared/ids.js';
import type { Clock } from '../shared/clock.js';
import { Deadline } from './deadline.js';
import { withheld } from './refusals.js';
import type { CallOptions } from './call-options.js';
import type { FinalRead, Router } from './router.js';

export interface Change {
  readonly version: number;
  /** What changed since the last one, as people write it: `items[0].qty`; `*` where more was missed than is remembered. */
  readonly paths: readonly string[];
}

/** How long one question waits at the primary, in milliseconds. */
const WAIT_MS = 10_000;
/** Before somebody is asked again who has said what is older than what is known here. */
const PAUSE_MS = 50;
const FROM_PRIMARY = { consistency: 'primary', known: undefined, atLeast: undefined } as const;

/** The watches that this process has open: each holds a question at a primary, and a state to name what changes in it. */
export class Watchers {
  readonly #max: number;
  #open = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Counts a watch from its first reading to its end. @throws {TwinstateError} `LIMIT_EXCEEDED`, on that first reading */
  async *bounded(changes: AsyncGenerator<Change, void, undefined>): AsyncGenerator<Change, void, undefined> {
    if (this.#open >= this.#max) {
      throw new TwinstateError('LIMIT_EXCEEDED', 'too many watches are open in this process', {
        expected: `watchersMax <= ${this.#max}`,
        received: `${this.#open + 1}`,
        cure: 'end some by their `signal`, share one among many readers, or raise `limits.watchersMax` of `connect`',
      });
    }
    this.#open++;
    try {
      yield* changes;
    } finally {
      this.#open--;
    }
  }
}

/** What is watched, and through what. */
export interface Watched {
  readonly router: Router;
  readonly clock: Clock;
  readonly partition: Partition;
  readonly session: SessionId;
  readonly model: SessionModel;
  readonly options: CallOptions;
  /** Whether the store is closing. */
  readonly closed: () => boolean;
}

/** Begins at once, so that no change after the call is missed. */
export function watchSession(watched: Watched): AsyncGenerator<Change, void, undefined> {
  const start = begin(watched);
  // whoever reads the changes is told of a failure, nobody else
  start.catch(() => undefined);
  return follow(start, watched);
}

/** Any replica's state will do to begin with, if only it is answered at once: before what its caller commits next. */
async function begin({ router, clock, partition, session, options }: Watched): Promise<FinalRead> {
  const deadline = new Deadline(clock, options);
  const here = await router.read(partition, { session, ...FROM_PRIMARY, consistency: 'local' }, deadline, { atOnce: true });
  // a backup may not have heard of it yet
  return here.kind === 'gone' ? router.read(partition, { session, ...FROM_PRIMARY }, deadline) : here;
}

async function* follow(start: Promise<FinalRead>, watched: Watched): AsyncGenerator<Change, void, undefined> {
  const { model } = watched;
  const first = await start;
  if (first.kind === 'withheld') throw withheld(watched.session, first.why);
  if (first.kind !== 'snapshot') return;
  let graph = Graph.decode(first.snapshot, model.limits);
  let known: Known = first;
  for (;;) {
    const next = await newer(watched, known);
    if (next === undefined) return;
    const paths = new Set<string>();
    if (next.kind === 'snapshot') {
      graph = Graph.decode(next.snapshot, model.limits);
      paths.add('*');
    } else {
      for (const { delta } of next.deltas) {
        graph.apply(delta);
        for (const path of deltaPaths(model, delta, graph)) paths.add(path);
      }
    }
    known = next;
    yield { version: next.version, paths: [...paths] };
  }
}

type Known = Pick<Extract<FinalRead, { kind: 'same' }>, 'version' | 'incarnation'>;

/** Waits for what comes after `known`; `undefined`: the session has ended, or the watch. */
async function newer(watched: Watched, known: Known): Promise<Extract<FinalRead, { kind: 'deltas' | 'snapshot' }> | undefined> {
  const { closed, clock, options } = watched;
  const over = (): boolean => closed() || options.signal?.aborted === true;
  while (!over()) {
    let answer: FinalRead;
    const deadline = new Deadline(clock, { signal: options.signal, timeoutMs: WAIT_MS * 2 });
    try {
      answer = await ask(watched, known, deadline);
    } catch (error) {
      if (closed() || (error instanceof TwinstateError && error.code === 'ABORTED')) return undefined;
      // nobody leads it now: keep waiting for somebody who does
      if (error instanceof TwinstateError && error.code === 'UNAVAILABLE') continue;
      throw error;
    }
    if (answer.kind === 'same') continue;
    if (answer.kind === 'withheld') throw withheld(watched.session, answer.why);
    if (answer.kind === 'gone' || answer.kind === 'quarantined' || answer.incarnation > known.incarnation) return undefined;
    const older = answer.incarnation < known.incarnation || answer.version <= known.version;
    if (!older) return answer;
    // a primary of an earlier term that has not heard of its end
    await deadline.sleep(PAUSE_MS);
  }
  return undefined;
}

/** An end is final for whoever watches: it is believed when the log has confirmed it. */
async function ask(
  { router, partition, session }: Watched,
  { version, incarnation }: Known,
  deadline: Deadline,
): Promise<FinalRead> {
  const read = { session, ...FROM_PRIMARY, known: { version, incarnation } };
  const answer = await router.read(partition, read, deadline, { waitMs: WAIT_MS });
  const ends =
    answer.kind === 'gone' || answer.kind === 'quarantined' || ('incarnation' in answer && answer.incarnation !== incarnation);
  return ends ? router.read(partition, { ...read, consistency: 'strong' }, deadline) : answer;
}
