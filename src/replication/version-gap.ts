/**
 * What a record says of sessions at a version that they are not at: commits that would have to come in between are missing.
 *
 * Invariant: `prev` shows that no record is missing, and this that no snapshot was older than the log that is left behind it. A gap is
 * found before anything of a record is applied; nothing is ever put on top of one.
 */
import { version } from '../shared/ids.js';
import type { Sequence, SessionId, Version } from '../shared/ids.js';
import { standingOf } from './applied.js';
import type { LoadedSession } from './applied.js';
import type { DeferredEntry } from './deferred-entries.js';
import { isStep } from './record.js';
import type { Entry } from './record.js';
import type { SessionTable } from './session-table.js';

export const NO_SESSIONS: ReadonlySet<SessionId> = new Set();

/** The sessions whose snapshot was taken behind this record. Asked before anything is applied: a batch may hold several entries of one. */
export function heldAlready<B>(at: Sequence, entries: readonly Entry[], sessions: SessionTable<B>): ReadonlySet<SessionId> {
  let held: Set<SessionId> | undefined;
  for (const { session } of entries) {
    const standing = sessions.standing(session);
    if (standing !== undefined && standing.sequence >= at) (held ??= new Set()).add(session);
  }
  return held ?? NO_SESSIONS;
}

/**
 * Looks for a version that is missing before a record; `undefined`: nothing is.
 * @param held sessions that it changes no more
 * @param loading one that is not here may be stored: what it is at is seen when it comes, by `gapBehind`
 */
export function gapBefore<B>(
  at: Sequence,
  entries: readonly Entry[],
  held: ReadonlySet<SessionId>,
  sessions: SessionTable<B>,
  loading: boolean,
): string | undefined {
  const reached = new Map<SessionId, Version>();
  for (const entry of entries) {
    const { session } = entry;
    if (held.has(session)) continue;
    const before = reached.get(session);
    if (loading && before === undefined && entry.from !== 0 && !sessions.has(session)) continue;
    const state = sessions.get(session);
    // what is quarantined has no history that could be missing
    if (state?.quarantine !== undefined && entry.kind !== 'forget') continue;
    const have = before ?? state?.version ?? version(0);
    const next = versionBehind(have, entry);
    if (next === undefined) return gap(at, entry, have);
    reached.set(session, next);
  }
  return undefined;
}

/**
 * What the log has said of a session behind what is stored of it. Where nothing is, and it is forgotten farther on, that alone counts: its
 * tombstone goes out of the snapshots before the log gives up what was said of it before.
 */
export function missingBehind(loaded: LoadedSession | undefined, said: readonly DeferredEntry[]): readonly DeferredEntry[] {
  if (loaded === undefined)
    return said.slice(
      Math.max(
        0,
        said.findLastIndex(({ entry }) => entry.kind === 'forget'),
      ),
    );
  const held = standingOf(loaded).sequence;
  return said.filter(({ at }) => at > held);
}

/**
 * Looks for a version that is missing between a stored session, or none, and what the log has said of it since; `undefined`:
 * nothing is.
 */
export function gapBehind(loaded: LoadedSession | undefined, missing: readonly DeferredEntry[]): string | undefined {
  // what cannot be read has no history that could be missing
  if (loaded?.unreadable !== undefined) return undefined;
  let have = loaded?.header.version ?? version(0);
  for (const { at, entry } of missing) {
    const next = versionBehind(have, entry);
    if (next === undefined) return gap(at, entry, have);
    have = next;
  }
  return undefined;
}

/** The version that a session is at behind an entry; `undefined` where the entry does not follow the one that it is at. */
function versionBehind(have: Version, { kind, from, to }: Entry): Version | undefined {
  // whoever has no tombstone has forgotten it already
  if (kind === 'forget') return version(0);
  if (isStep(kind) && to <= have) return have;
  return from === have ? to : undefined;
}

function gap(at: Sequence, { from, to }: Entry, have: Version): string {
  return `record ${at} takes a session to version ${to} from ${from}, not from ${have}`;
}
