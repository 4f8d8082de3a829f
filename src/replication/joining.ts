/**
 * Makes a replica out of what was read: the snapshots, and then the log after them (rule 8).
 *
 * Invariant: what comes out is as of the last record that was read, or nothing does. It says so where that record ends the
 * generation, and where the generation has only begun and not all of its sessions are stored yet.
 */
import { TwinstateError } from '../shared/errors.js';
import type { Revision } from '../shared/ids.js';
import { isKnownBy, tryDecode } from './foreign-record.js';
import { Ledger } from './ledger.js';
import type { LoadedSession, Stop } from './applied.js';
import type { Instant, MachineOptions } from './machine-options.js';
import { originOf } from './log-origin.js';
import { newestCheckpoint } from './record.js';
import type { LogEntry, LogRecord } from './record.js';
import type { Upkeep } from './upkeep.js';

/** What a joining replica has read. */
export interface ReadPartition {
  readonly generation: number;
  /** Of the log; see the port. */
  readonly identity: string | null;
  readonly log: readonly LogEntry[];
  /** Gone through once; `undefined`: they come later, by `admit`. */
  readonly stored: Iterable<LoadedSession> | undefined;
  /** The snapshots are complete up to this revision. */
  readonly highest: Revision;
}

export type Rebuilt<B> =
  | { readonly kind: 'ready'; readonly ledger: Ledger<B> }
  /** The generation ends with the last record; the ledger is whole if `complete`. */
  | { readonly kind: 'ended'; readonly ledger: Ledger<B> }
  /** Somebody is storing the sessions of the generation before. */
  | { readonly kind: 'seeding'; readonly ledger: Ledger<B> }
  /**
   * Not one record, although there are snapshots, or although every later generation begins with one: this read is stale, or the
   * log is lost.
   */
  | { readonly kind: 'bare'; readonly ledger: Ledger<B> }
  /** The snapshots are older than what the log relies on. */
  | { readonly kind: 'early' }
  /** The records do not follow one another. `ended`: the last of them ends the generation all the same; the ledger is as of the gap. */
  | { readonly kind: 'gap'; readonly why: string; readonly ended: boolean; readonly ledger: Ledger<B> }
  | Stop;

/**
 * True where a log alone says enough to go to work: the snapshots may come while it works. An empty one does not, as that may be a
 * stale read or a loss, nor does one that ends, or begins only now.
 */
export function mayBeginEarly(log: readonly LogEntry[]): boolean {
  const last = log.at(-1)?.record;
  const type = last === undefined ? undefined : typeOf(last);
  return type !== undefined && type !== 'end' && type !== 'seed';
}

/** What a record is; `undefined` where it is none of ours. */
function typeOf(bytes: Uint8Array): LogRecord['type'] | undefined {
  const record = tryDecode(bytes);
  return record instanceof TwinstateError ? undefined : record.type;
}

/**
 * Says whether a log that was read still has the record that a replica applied last. `short`: it ends before it; that may be a
 * stale read. `rewritten`: another one stands there, or none, although there are some before and behind. A log that begins behind
 * it says nothing, and one without any record ends before every one: the last of a partition is never trimmed.
 */
export function traceOf<B>(log: readonly LogEntry[], { applied, lastId }: Ledger<B>): 'kept' | 'short' | 'rewritten' {
  const first = log[0];
  if (applied === 0) return 'kept';
  if (first === undefined) return 'short';
  if (first.sequence > applied) return 'kept';
  if (log.at(-1)!.sequence < applied) return 'short';
  const entry = log.find(({ sequence }) => sequence === applied);
  return entry !== undefined && isKnownBy(lastId, entry.record) ? 'kept' : 'rewritten';
}

/** Says whether another record stands where a replica applied its last one, or between that and the one before it. */
export function isRewritten<B>([first]: readonly LogEntry[], { beforeApplied, applied, lastId }: Ledger<B>): boolean {
  if (first === undefined || first.sequence <= beforeApplied || first.sequence > applied) return false;
  return first.sequence !== applied || !isKnownBy(lastId, first.record);
}

function endsWith(records: readonly Uint8Array[]): boolean {
  return typeOf(records.at(-1)!) === 'end';
}

export function rebuild<B>(now: Instant, options: MachineOptions<B>, upkeep: Upkeep<B>, read: ReadPartition): Rebuilt<B> {
  const { generation, log, stored, highest } = read;
  const records = log.map(({ record }) => record);
  const reliesOn = newestCheckpoint(records);
  if (stored !== undefined && reliesOn > highest) return { kind: 'early' };
  const ledger = new Ledger(options.bodies, options.timing.hotSessionsMax, options.memory);
  ledger.identity = read.identity ?? '';
  if (stored !== undefined) ledger.load(stored);
  if (log.length === 0) return { kind: ledger.sessions.size > 0 || generation > 1 ? 'bare' : 'ready', ledger };
  ledger.begin(originOf(log));
  // also where all is here: of a session without a snapshot the log may say farther on that it was forgotten
  ledger.beginLoading(reliesOn);
  let ended = false;
  for (const { sequence, record } of log) {
    const applied = ledger.apply(sequence, record, true);
    if (applied.kind === 'stop') return applied;
    if (applied.kind === 'gap' || applied.kind === 'unplaced') {
      if (stored !== undefined) ledger.endLoading();
      return { kind: 'gap', why: applied.why, ended: endsWith(records), ledger };
    }
    upkeep.noteRecord(now, sequence, record.byteLength);
    if (applied.kind === 'checkpoint') upkeep.noteCheckpoint(ledger, applied.record);
    ended = applied.kind === 'end';
    if (ended) break;
  }
  const why = stored === undefined ? undefined : ledger.endLoading();
  if (why !== undefined) return { kind: 'gap', why, ended: endsWith(records), ledger };
  return { kind: ended ? 'ended' : ledger.complete ? 'ready' : 'seeding', ledger };
}
