/**
 * Sessions of which a log that is read says last that they are forgotten.
 *
 * Invariant: whatever a log says of a session before it forgets it comes to nothing, so that nothing of it need be stored any more. A
 * record is trimmed some time after a checkpoint gave it up, or never, where that call was lost, and the last one always stays; so what
 * a destroyed session was can stand in a log without the tombstone that it would follow.
 */
import { TwinstateError } from '../shared/errors.js';
import type { Sequence, SessionId } from '../shared/ids.js';
import type { LoadedSession } from './applied.js';
import type { DeferredEntry } from './deferred-entries.js';
import { tryDecode } from './foreign-record.js';
import type { LogOrigin } from './log-origin.js';
import type { LogEntry } from './record.js';

/** Where each was forgotten last. */
export type ForgottenSessions = ReadonlyMap<SessionId, Sequence>;

export const NONE_FORGOTTEN: ForgottenSessions = new Map();

/** Looks through a log ahead of who applies it: what stands out of its place, or behind the end of its term, forgets nothing. */
export function forgottenIn(log: readonly LogEntry[], { applied, epoch }: LogOrigin): ForgottenSessions {
  const forgotten = new Map<SessionId, Sequence>();
  let before = applied;
  let term: number = epoch;
  for (const { sequence: at, record: bytes } of log) {
    const follows = before;
    before = at;
    const record = tryDecode(bytes);
    if (record instanceof TwinstateError) continue;
    if (record.type === 'end') break;
    if (record.prev.sequence !== follows) continue;
    if (record.type === 'lead' || record.type === 'seed') term = at;
    else if (record.type === 'commit' && record.epoch === term) {
      for (const { kind, session } of record.entries) if (kind === 'forget') forgotten.set(session, at);
    }
  }
  return forgotten;
}

/** What the log has said of a session since it was forgotten last, and that it was, where nothing of it is stored; otherwise all. */
export function sinceForgotten(loaded: LoadedSession | undefined, missing: readonly DeferredEntry[]): readonly DeferredEntry[] {
  const last = loaded === undefined ? missing.findLastIndex(({ entry }) => entry.kind === 'forget') : -1;
  return last < 0 ? missing : missing.slice(last);
}
