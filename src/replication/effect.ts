/** What a partition's state machine wants done. It does nothing itself: effects are values, and their results come in as calls. */
import type { TwinstateError } from '../shared/errors.js';
import type { Epoch, NodeId, Revision, Sequence, SessionId } from '../shared/ids.js';
import type { Answer, Operation, ReadAnswer } from './operation.js';
import type { Entry } from './record.js';
import type { Recall } from './seed-choice.js';

/** `lost`: the log is gone, and the replicas agree who goes on; `seeding`: it stores all sessions, and will lead then. */
export type Role = 'joining' | 'following' | 'leading' | 'lost' | 'seeding' | 'broken';

export type Effect =
  /** Read the whole log of a generation, or of the newest one, and then all snapshots, and call `joined`. */
  | { readonly type: 'join'; readonly afterMs: number; readonly generation: number | undefined }
  /** Deliver every record behind `after` to `record`, from now on; ends what was followed before. */
  | { readonly type: 'follow'; readonly after: Sequence }
  /** Append, and call `appended` with this attempt. */
  | { readonly type: 'append'; readonly attempt: number; readonly expected: Sequence; readonly record: Uint8Array }
  /** Read what is behind `after` and call `polled`. `applied` was the last record here, and should be the first that is read. */
  | { readonly type: 'poll'; readonly after: Sequence; readonly applied: Sequence }
  | { readonly type: 'answer'; readonly token: number; readonly answer: Answer }
  | { readonly type: 'read'; readonly token: number; readonly answer: ReadAnswer }
  /** Tell the primary how far this replica is. */
  | { readonly type: 'report'; readonly to: NodeId; readonly epoch: Epoch; readonly position: Sequence }
  /** Ask a follower to append `LEAD` behind `position`, where this primary has stopped; call `declined` where it says no. */
  | { readonly type: 'invite'; readonly to: NodeId; readonly epoch: Epoch; readonly position: Sequence }
  /** Look up the stored snapshot's revision and call `lookedUp`. */
  | { readonly type: 'look-up'; readonly session: SessionId }
  /** Store a snapshot and call `put`. */
  | { readonly type: 'put'; readonly session: SessionId; readonly value: Uint8Array; readonly expected: Revision }
  /** Remove the stored tombstone of a session that was forgotten, and call `removed`. */
  | { readonly type: 'remove'; readonly session: SessionId }
  /** Load the stored snapshot of a session now, and call `admit`. */
  | { readonly type: 'load'; readonly session: SessionId }
  /** Tell every replica of the partition what this one remembers. */
  | { readonly type: 'recall'; readonly recall: Recall }
  /** End the lost generation where it still has records, begin the next one with `seed`, and call `seeded`. */
  | {
      readonly type: 'seed';
      readonly lost: number;
      readonly examined: boolean;
      readonly seed: Uint8Array;
      readonly end: Uint8Array;
    }
  /** Offer a state that the primary lacks, until there is a final answer, and call `offerRefused` where that is a conflict. */
  | { readonly type: 'offer'; readonly to: NodeId; readonly operation: Operation }
  /** Give up the records up to this one; nothing waits for it. */
  | { readonly type: 'trim'; readonly upTo: Sequence }
  /** These sessions have a new acknowledged state, by these entries of a record. */
  | { readonly type: 'changed'; readonly sessions: ReadonlySet<SessionId>; readonly entries: readonly Entry[] }
  | {
      readonly type: 'role';
      readonly role: Role;
      readonly epoch: Epoch;
      readonly leader: NodeId | undefined;
      readonly reason: string;
    }
  /** Something that an operator should know of; nothing depends on it. */
  | { readonly type: 'notice'; readonly notice: Notice };

export type Notice =
  | { readonly kind: 'gap'; readonly why: string }
  | { readonly kind: 'fenced'; readonly epoch: Epoch; readonly sequence: Sequence }
  | { readonly kind: 'foreign-record'; readonly sequence: Sequence; readonly error: TwinstateError }
  /** A record by another release, or under a key that is not here: this replica stops before it, until it can be read. */
  | { readonly kind: 'unreadable-record'; readonly sequence: Sequence; readonly error: TwinstateError }
  | { readonly kind: 'quarantined'; readonly session: SessionId; readonly error: TwinstateError }
  /** A session's state here was not what it should be: the replica is read again, or, the second time, the session is quarantined. */
  | { readonly kind: 'drift'; readonly session: SessionId; readonly error: TwinstateError }
  /** The node that was to lead instead did not, and the primary goes on. */
  | { readonly kind: 'handover-failed'; readonly to: NodeId; readonly why: string }
  /** The log of this partition is gone or was rolled back; its replicas go on in the next generation. */
  | { readonly kind: 'log-lost'; readonly error: TwinstateError }
  /** A node that was away remembers commits of this session that the one who went on did not have, and it was changed since. */
  | { readonly kind: 'diverged'; readonly session: SessionId; readonly error: TwinstateError }
  /** So many sessions were in no memory of the one who goes on, and their stored snapshots were lost together with the log. */
  | { readonly kind: 'passivated-lost'; readonly sessions: number; readonly error: TwinstateError }
  | { readonly kind: 'log-full' };
