/**
 * What an application server asks of a primary, and what it is answered.
 *
 * Invariant: an answer is either final or tells the asker to go on asking. `clean` says whether this try can still come true: an
 * asker that got only clean refusals may say `not-stored`; one answer missing, and it may only say `unknown`.
 */
import type { ErrorCode } from '../shared/errors.js';
import type { NodeId, Sequence, SessionId, Version } from '../shared/ids.js';
import type { EndReason, Lifetime } from './lifetime.js';
import type { OpId } from './record.js';
import type { VersionedDelta } from './session-state.js';

/** `adopt`: a node offers what it remembers beyond the one who began a lost log anew. `forget`: a tombstone has been kept long enough. */
export type OperationKind = 'create' | 'commit' | 'touch' | 'destroy' | 'adopt' | 'forget';

export interface Operation {
  readonly kind: OperationKind;
  readonly session: SessionId;
  readonly op: OpId;
  /** The state that a commit was made on; `undefined` for a create, a touch and a destroy of whatever is there. */
  readonly base: { readonly version: Version; readonly incarnation: Sequence } | undefined;
  /** The session class's name on the wire; an operation on a session of another class is refused. */
  readonly className: string;
  /** The base is the newest version by an asker's own rebasing: check that what the delta refers to is still there. */
  readonly rebased: boolean;
  /** A create's or an adopt's snapshot, a commit's delta. */
  readonly payload: Uint8Array;
  /**
   * Only of a commit that this very process has made, within limits that everybody reads by: its delta needs no check. It never
   * travels.
   */
  readonly trusted?: boolean;
  /** Only of a create (default: without end). */
  readonly lifetime?: Lifetime;
  /** How many backups must hold it in memory; 0: the log is enough. */
  readonly backups: number;
  /** How long to wait for them before answering `stored`, in milliseconds. */
  readonly waitMs: number;
}

export type Answer =
  | {
      readonly kind: 'done';
      readonly version: Version;
      /** The session's incarnation. */
      readonly incarnation: Sequence;
      /** What others committed between the base and this version, where that is known and not empty. */
      readonly others: readonly VersionedDelta[];
      /** True where others committed in between. */
      readonly merged: boolean;
      /** The delta as it was stored, where a merge rule made another of the one that was asked for. */
      readonly rewritten: Uint8Array | undefined;
    }
  /** Never to become "yes". */
  | { readonly kind: 'conflict'; readonly version: Version; readonly slots: readonly string[]; readonly why: string }
  | { readonly kind: 'gone'; readonly ended: EndReason | undefined }
  | { readonly kind: 'exists' }
  /** Final where it is clean: refused before anything was appended. */
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly why: string }
  /** Stored under this version, but not (or not in time) held by as many backups as asked. */
  | { readonly kind: 'stored'; readonly version: Version }
  /** Ask again: elsewhere (`hint`), or later. `clean`: this try can never come true. */
  | { readonly kind: 'retry'; readonly clean: boolean; readonly hint: NodeId | undefined; readonly why: string };

export type Consistency = 'strong' | 'primary' | 'local';

export interface Read {
  readonly session: SessionId;
  readonly consistency: Consistency;
  /** What the asker has: the answer is as small as this allows. */
  readonly known: { readonly version: Version; readonly incarnation: Sequence } | undefined;
  /** Only a state of at least this version will do. */
  readonly atLeast: Version | undefined;
  /** It counts as a use of the session (default: it does not). */
  readonly use?: boolean;
}

export type ReadAnswer =
  | { readonly kind: 'same'; readonly version: Version; readonly incarnation: Sequence }
  | {
      readonly kind: 'deltas';
      readonly version: Version;
      readonly incarnation: Sequence;
      readonly deltas: readonly VersionedDelta[];
    }
  | {
      readonly kind: 'snapshot';
      readonly version: Version;
      readonly incarnation: Sequence;
      readonly className: string;
      readonly snapshot: Uint8Array;
    }
  /** `ended`: why; `undefined` where there never was one, as far as is known. */
  | { readonly kind: 'gone'; readonly ended: EndReason | undefined }
  | { readonly kind: 'quarantined'; readonly why: string }
  /** Another release has stored it, and the one that was asked cannot read it: see `other-release.ts`. */
  | { readonly kind: 'withheld'; readonly why: string }
  | { readonly kind: 'retry'; readonly hint: NodeId | undefined; readonly why: string };
