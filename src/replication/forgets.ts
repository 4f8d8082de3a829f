/**
 * Which sessions a log that is being read forgets, and where.
 *
 * Invariant: nothing need be known of a session for what the log says of it before it forgets it. Its tombstone leaves the store
 * before that record leaves the log, and records of before it may still stand there: they follow what is stored nowhere any more.
 */
import { TwinstateError } from '../shared/errors.js';
import { epoch } from '../shared/ids.js';
import type { Sequence, SessionId } from '../shared/ids.js';
import { tryDecode } from './foreign-record.js';
import { follows, originOf } from './log-origin.js';
import type { LogEntry } from './record.js';

export class Forgets {
  readonly #log: readonly LogEntry[];
  #last: ReadonlyMap<SessionId, Sequence> | undefined;

  /** @param log from its oldest record; looked through when it is asked for the first time, which is seldom */
  constructor(log: readonly LogEntry[]) {
    this.#log = log;
  }

  /** True where the log forgets a session behind a position. */
  behind(id: SessionId, at: Sequence): boolean {
    this.#last ??= lastForgets(this.#log);
    return (this.#last.get(id) ?? at) > at;
  }
}

/** Counts only what every replica counts: neither strangers' copies, nor what a primary wrote whose term had ended. */
function lastForgets(log: readonly LogEntry[]): ReadonlyMap<SessionId, Sequence> {
  const last = new Map<SessionId, Sequence>();
  let term = originOf(log).epoch;
  for (let i = 0; i < log.length; i++) {
    const { sequence: at, record: bytes } = log[i]!;
    const record = tryDecode(bytes);
    if (record instanceof TwinstateError || (i > 0 && !follows(record, log[i - 1]!))) continue;
    if (record.type === 'lead' || record.type === 'seed') term = epoch(at);
    if (record.type !== 'commit' || record.epoch !== term) continue;
    for (const { kind, session } of record.entries) if (kind === 'forget') last.set(session, at);
  }
  return last;
}
