/** What a partition's state machine is made of and given: its options, a moment, and its node's view of the others. */
import type { NodeId, Partition, Revision, Sequence, SessionId } from '../shared/ids.js';
import type { Batch, BatchLimits } from './batch.js';
import type { SessionDigest } from './drift.js';
import type { MemoryShare } from './memory-share.js';
import type { LogEntry } from './record.js';
import type { Bodies } from './session-state.js';
import type { Timing } from './timing.js';

/** A moment: monotonic milliseconds for decisions, wall-clock ones for people. */
export interface Instant {
  readonly ms: number;
  readonly wallMs: number;
}

/** What the node around the partition knows of the cluster at this moment. */
export interface View {
  /** The primary is suspected: by several answers, over more than a reconnect, on a stable link. */
  readonly suspected: boolean;
  /** This node's place among those who may claim, from 0; negative: it may not. */
  readonly rank: number;
  /** The node may trust what it sees: its link stood long enough. */
  readonly stable: boolean;
  /** Whether somebody waits here for a session's next change. */
  readonly watched?: (id: SessionId) => boolean;
}

export interface MachineOptions<B> {
  readonly partition: Partition;
  readonly self: NodeId;
  /** The part of every record id that tells this writer from all others. */
  readonly incarnation: string;
  readonly bodies: Bodies<B>;
  readonly timing: Timing;
  readonly limits: BatchLimits;
  /** `strict`: a new primary holds its answers for one lease, so that no read of the old one is stale. */
  readonly takeover: 'fast' | 'strict';
  /** How much memory it may take (default: any). */
  readonly memory?: MemoryShare | undefined;
}

/** What hangs on an append under way. */
export type Content =
  | { readonly type: 'lead' }
  | { readonly type: 'commit'; readonly batch: Batch }
  | { readonly type: 'checkpoint'; readonly floor: Sequence };

/** What a look at a stored snapshot says. */
export interface FoundSnapshot {
  readonly revision: Revision;
  readonly trueUpTo: Sequence;
  /** `undefined` where it cannot be read, is quarantined, or is a tombstone. */
  readonly digest: SessionDigest | undefined;
  /** It was stored as one that is not served: with the last state that could be read, or with none. */
  readonly quarantined?: 'salvaged' | 'empty' | undefined;
  /** Another release wrote it, in a format that is not known here: it stays as it is. */
  readonly withheld?: boolean;
}

/** What a poll has read: the records behind a position, and where the last one of all stands. */
export interface PolledLog {
  readonly entries: readonly LogEntry[];
  readonly last: Sequence;
}

/** What came of removing a tombstone: it is gone, something is still there, or what is there was written by another release. */
export type Removal = 'gone' | 'there' | 'withheld';

/** What came of sending a record; only `stored` says more than "look what stands there". */
export type AppendOutcome =
  | { readonly outcome: 'stored'; readonly sequence: Sequence }
  | { readonly outcome: 'refused'; readonly reason: 'position' | 'full' }
  | { readonly outcome: 'unknown' };
