/**
 * Follows one session from outside, version by version.
 *
 * Invariant: the graph here is the session at `version`; every delta that is taken into it is yielded, alone or together with
 * those that arrived while the reader was busy. It asks its primary for "newer than what I have" and waits there.
 */
import { Graph } from '../diff/graph.js';
import { deltaPaths } from '../diff/delta-description.js';
import type { SessionModel } from '../model/session-model.js';
import { TwinstateError } from '../shared/errors.js';
import type { Partition, SessionId } from '../shared/ids.js';
import type { Router } from './router.js';

export interface Change {
  readonly version: number;
  /** What changed since the last one, as people write it: `items[0].qty`; `*` where more was missed than is remembered. */
  readonly paths: readonly string[];
}

/** How long one question waits at the primary, in milliseconds. */
const WAIT_MS = 10_000;

/** Begins at once, so that no change after the call is missed. */
export function watchSession(
  router: Router,
  partition: Partition,
  session: SessionId,
  model: SessionModel,
  options: { readonly signal?: AbortSignal | undefined },
  closed: () => boolean,
): AsyncGenerator<Change, void, undefined> {
  const start = begin(router, partition, session, options);
  // whoever reads the changes is told of a failure, nobody else
  start.catch(() => undefined);
  return follow(start, router, partition, session, model, options, closed);
}

const FROM_PRIMARY = { consistency: 'primary', known: undefined, atLeast: undefined } as const;

/** Any replica's state will do to begin with, if only it is answered at once: before what its caller commits next. */
async function begin(
  router: Router,
  partition: Partition,
  session: SessionId,
  options: { readonly signal?: AbortSignal | undefined },
): ReturnType<Router['read']> {
  const here = await router.read(partition, { session, ...FROM_PRIMARY, consistency: 'local' }, { ...options, atOnce: true });
  // a backup may not have heard of it yet
  return here.kind === 'gone' ? router.read(partition, { session, ...FROM_PRIMARY }, options) : here;
}

async function* follow(
  start: ReturnType<Router['read']>,
  router: Router,
  partition: Partition,
  session: SessionId,
  model: SessionModel,
  options: { readonly signal?: AbortSignal | undefined },
  closed: () => boolean,
): AsyncGenerator<Change, void, undefined> {
  const first = await start;
  if (first.kind !== 'snapshot') return;
  let graph = Graph.decode(first.snapshot, model.limits);
  let known = { version: first.version, incarnation: first.incarnation };
  while (!closed() && options.signal?.aborted !== true) {
    let answer;
    try {
      answer = await router.read(
        partition,
        { session, ...FROM_PRIMARY, known },
        { ...options, timeoutMs: WAIT_MS * 2, waitMs: WAIT_MS },
      );
    } catch (error) {
      if (closed() || (error instanceof TwinstateError && error.code === 'ABORTED')) return;
      // nobody leads it now: keep waiting for somebody who does
      if (error instanceof TwinstateError && error.code === 'UNAVAILABLE') continue;
      throw error;
    }
    if (answer.kind === 'same') continue;
    if (answer.kind === 'gone' || answer.kind === 'quarantined' || answer.incarnation !== known.incarnation) return;
    const paths = new Set<string>();
    if (answer.kind === 'snapshot') {
      graph = Graph.decode(answer.snapshot, model.limits);
      paths.add('*');
    } else {
      for (const { delta } of answer.deltas) {
        graph.apply(delta);
        for (const path of deltaPaths(model, delta, graph)) paths.add(path);
      }
    }
    known = { version: answer.version, incarnation: answer.incarnation };
    yield { version: answer.version, paths: [...paths] };
  }
}
