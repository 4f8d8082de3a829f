/**
 * Where the chain of a log begins that was trimmed: what its oldest record says of those before it.
 *
 * Invariant: only a record that stands where its writer put it is believed. Of all but the oldest the one before it shows that (a
 * conditional append names its position); of the oldest, which may be a stranger's copy of any earlier record, the one behind it:
 * every replica remembered a stranger's under a name of its own.
 */
import { TwinstateError } from '../shared/errors.js';
import { epoch, sequence } from '../shared/ids.js';
import type { Epoch, NodeId, Sequence } from '../shared/ids.js';
import { foreignId, tryDecode } from './foreign-record.js';
import type { Seeding } from './generation.js';
import type { LogEntry, LogRecord, RecordId } from './record.js';

/** What stands before the oldest record of a log, as far as that says. */
export interface LogOrigin {
  readonly applied: Sequence;
  readonly lastId: RecordId;
  readonly epoch: Epoch;
  readonly leader: NodeId | undefined;
  readonly seeding: Seeding | undefined;
}

export function originOf(log: readonly LogEntry[]): LogOrigin {
  for (let i = 0; i < log.length; i++) {
    const record = tryDecode(log[i]!.record);
    if (record instanceof TwinstateError) continue;
    if (i > 0 ? !follows(record, log[i - 1]!) : isDisowned(log)) continue;
    const term = record.type === 'commit' || record.type === 'checkpoint' ? record : undefined;
    return {
      // where the oldest is a stranger's, whatever follows names it
      applied: i === 0 ? record.prev.sequence : sequence(log[0]!.sequence - 1),
      lastId: i === 0 ? record.prev.id : '',
      epoch: term?.epoch ?? epoch(0),
      leader: term?.node,
      seeding: record.type === 'checkpoint' ? record.seeding : undefined,
    };
  }
  return { applied: sequence(0), lastId: '', epoch: epoch(0), leader: undefined, seeding: undefined };
}

/** Whoever wrote the second record took the oldest one for a stranger's. */
function isDisowned([oldest, second]: readonly LogEntry[]): boolean {
  const next = second === undefined ? undefined : tryDecode(second.record);
  if (next === undefined || next instanceof TwinstateError) return false;
  return follows(next, oldest!) && next.prev.id === foreignId(oldest!.record);
}

function follows(record: LogRecord, before: LogEntry): boolean {
  return record.prev.sequence === before.sequence;
}
