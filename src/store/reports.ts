/**
 * Tells listeners what became of this process's own operations.
 *
 * Invariant: while nobody listens an operation goes through here untouched; and whoever listens changes nothing of its outcome.
 */
import type { NodeAnswer, NodeReadAnswer } from '../node/cluster-node.js';
import type { Events } from '../observe/events.js';
import type { Clock } from '../shared/clock.js';
import { ConflictError, TwinstateError } from '../shared/errors.js';
import type { SessionId } from '../shared/ids.js';
import type { SessionModel } from '../model/session-model.js';

/** A write, as far as it is told. */
interface Write {
  readonly kind: 'create' | 'commit' | 'touch' | 'destroy';
  readonly id: SessionId;
  readonly model: SessionModel;
  readonly payload: Uint8Array;
}

type Done = Extract<NodeAnswer, { kind: 'done' }>;
type Found = Exclude<NodeReadAnswer, { kind: 'retry' }>;

/** A write, as it was sent: told as `commit`, or as `failed`, and a conflict as that, too. */
export function reportWrite(events: Events, clock: Clock, operation: Write, done: Promise<Done>): Promise<Done> {
  if (!writesAreHeard(events)) return done;
  const startedMs = clock.now();
  const { kind, id: session, model, payload } = operation;
  const of = { session, class: model.name };
  return done.then(
    (answer) => {
      const { version, merged } = answer;
      const ms = clock.now() - startedMs;
      if (kind === 'commit') events.tell('commit', () => ({ ...of, version, bytes: payload.byteLength, ms, merged }));
      return answer;
    },
    (error: unknown) => {
      const ms = clock.now() - startedMs;
      if (error instanceof ConflictError) reportConflict(events, model.name, error, session);
      if (error instanceof TwinstateError) {
        const { code, outcome } = error;
        events.tell('failed', () => ({ ...of, operation: kind, code, outcome, ms }));
      }
      throw error;
    },
  );
}

/** Somebody listens to what `reportWrite` tells. */
export function writesAreHeard(events: Events): boolean {
  return events.heard('commit') || events.heard('failed') || events.heard('conflict');
}

/** An open, as it was answered. */
export function reportOpen(
  events: Events,
  clock: Clock,
  session: SessionId,
  className: string,
  answer: Promise<Found>,
): Promise<Found> {
  if (!events.heard('open')) return answer;
  const startedMs = clock.now();
  return answer.then((found) => {
    const bytes = bytesOf(found);
    const version = 'version' in found ? found.version : 0;
    const ms = clock.now() - startedMs;
    events.tell('open', () => ({ session, class: className, found: found.kind !== 'gone', version, bytes, ms }));
    return found;
  });
}

/** A conflict, found here or at the primary. */
export function reportConflict(events: Events, className: string, error: ConflictError, session: SessionId): ConflictError {
  // how many slots, not which: the name of one may hold the key of a map
  const { base, version = 0, slots } = error;
  events.tell('conflict', () => ({ session, class: className, base, version, slots: slots.length }));
  return error;
}

/** What came over: a state that is held here is not sent again. */
function bytesOf(found: Found): number {
  if (found.kind === 'snapshot') return found.snapshot.byteLength;
  return found.kind === 'deltas' ? found.deltas.reduce((sum, { delta }) => sum + delta.byteLength, 0) : 0;
}
