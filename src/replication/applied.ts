/** What goes into a ledger and what came of it. */
import type { TwinstateError } from '../shared/errors.js';
import { sequence } from '../shared/ids.js';
import type { NodeId, Revision, Sequence, SessionId } from '../shared/ids.js';
import type { CheckpointRecord, CommitRecord, LeadRecord, SeedRecord } from './record.js';
import type { StoredStanding } from './other-release.js';
import type { StoredSession } from './session-state.js';

/** What one record did to a ledger. */
export type Applied =
  /** It stands at or before the position: seen already. */
  | { readonly kind: 'seen' }
  | { readonly kind: 'lead'; readonly record: LeadRecord; readonly previousLeader: NodeId | undefined }
  | { readonly kind: 'commit'; readonly record: CommitRecord; readonly fenced: boolean; readonly changed: ReadonlySet<SessionId> }
  | { readonly kind: 'checkpoint'; readonly record: CheckpointRecord }
  | { readonly kind: 'seed'; readonly record: SeedRecord }
  /** The generation ends here. */
  | { readonly kind: 'end' }
  /** It is no record of ours, read behind the one before it: counted, stepped over. Had a record of ours been damaged, the next one's `prev` would show it. */
  | { readonly kind: 'foreign'; readonly error: TwinstateError }
  | Gap
  | Stop;

/**
 * It cannot be applied behind the record applied last, and nothing was changed. `gap`: it follows another one; start again from the snapshots.
 * `unplaced`: what it follows only a reading can say that has the record applied last, too.
 */
export type Gap = { readonly kind: 'gap'; readonly why: string } | { readonly kind: 'unplaced'; readonly why: string };

/** A record that may be ours cannot be read by this process: nothing behind it may be said. Nothing was changed. */
export interface Stop {
  readonly kind: 'stop';
  readonly at: Sequence;
  /** `FORMAT_UNSUPPORTED` or `KEY_UNKNOWN`. */
  readonly error: TwinstateError;
}

/** A snapshot that was read from the store, with its revision; or a session whose snapshot cannot be read. */
export type LoadedSession =
  | (StoredSession & { readonly revision: Revision; readonly unreadable?: undefined; readonly bytes?: Uint8Array | undefined })
  | {
      readonly unreadable: SessionId;
      readonly error: unknown;
      readonly revision: Revision;
      /** Where another release's stands. */
      readonly standing?: StoredStanding | undefined;
      /** As it is stored: what is withheld goes on as it is. */
      readonly bytes?: Uint8Array | undefined;
    };

const NOWHERE: StoredStanding = { sequence: sequence(0), trueUpTo: sequence(0) };

/** Where a stored session stands; at the beginning where nobody can say. */
export function standingOf(loaded: LoadedSession): StoredStanding {
  return loaded.unreadable === undefined ? loaded : (loaded.standing ?? NOWHERE);
}

/** When a passivated session is looked for in the store, and for how long in vain until it counts as lost. */
export interface Search {
  readonly nowMs: number;
  readonly lostMs: number;
}
