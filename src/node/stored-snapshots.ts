/**
 * Stored snapshots as an engine keeps them: their keys, and what they say.
 *
 * Invariant: one poison session is one session. A snapshot that cannot be read, or that stands under another session's key, becomes
 * an unreadable session of that key, whoever wrote it. What another release wrote is told apart, by what every release says alike.
 */
import type { Snapshots, SnapshotEntry } from '../engine/port.js';
import type { LoadedSession } from '../replication/applied.js';
import type { FoundSnapshot, Removal } from '../replication/machine-options.js';
import { foreignStanding } from '../replication/other-release.js';
import { decodeStored, STORED_MAGIC } from '../replication/session-state.js';
import { TwinstateError } from '../shared/errors.js';
import { sequence, sessionId } from '../shared/ids.js';
import type { Partition, SessionId } from '../shared/ids.js';

const SNAPSHOT_PREFIX = 's:';

/** A snapshot's key, for any session id. */
export const snapshotKey = (id: SessionId): string => `${SNAPSHOT_PREFIX}${id}`;

/** Whose key it is; `undefined` where it is no session's. */
export function sessionOf(key: string): SessionId | undefined {
  return key.startsWith(SNAPSHOT_PREFIX) ? sessionId(key.slice(SNAPSHOT_PREFIX.length)) : undefined;
}

/** Reads snapshots one after the other, so that not all of them are objects at once; other keys are left out. */
export function* decodedAll(
  entries: readonly SnapshotEntry[],
  malformed: (error: unknown) => void,
): IterableIterator<LoadedSession> {
  for (const entry of entries) if (sessionOf(entry.key) !== undefined) yield decoded(entry, malformed);
}

/** Reads what was found of sessions; `null`: there is nothing stored of the one that was looked for. */
export function decodedFound(
  found: readonly (readonly [SessionId | undefined, SnapshotEntry | null])[],
  malformed: (error: unknown) => void,
): (readonly [SessionId, LoadedSession | undefined])[] {
  const taken: (readonly [SessionId, LoadedSession | undefined])[] = [];
  for (const [id, entry] of found) {
    const session = entry === null ? id : sessionOf(entry.key);
    if (session !== undefined) taken.push([session, entry === null ? undefined : decoded(entry, malformed)]);
  }
  return taken;
}

/** Reads a session's snapshot. @param malformed hears why it cannot be read */
export function decoded({ key, value, revision }: SnapshotEntry, malformed: (error: unknown) => void): LoadedSession {
  try {
    const stored = decodeStored(value);
    if (snapshotKey(stored.header.id) === key) return { ...stored, revision, bytes: value };
    throw new TwinstateError('BYTES_CORRUPT', 'a snapshot of another session stands under this key', {
      expected: key,
      received: snapshotKey(stored.header.id),
      cure: 'find out who else writes into the bucket; this session is quarantined',
    });
  } catch (error) {
    malformed(error);
    const standing = isOfAnotherRelease(error) ? foreignStanding(value, STORED_MAGIC) : undefined;
    return { unreadable: sessionOf(key)!, error, revision, standing, bytes: value };
  }
}

/** Says up to where a stored snapshot is true, and of what state it is. */
export function positionOf({ value, revision }: SnapshotEntry): FoundSnapshot {
  try {
    const { header, trueUpTo, snapshot, digest, quarantine } = decodeStored(value);
    const { id: session, incarnation, version, dead } = header;
    if (quarantine !== undefined)
      return { revision, trueUpTo, digest: undefined, quarantined: snapshot.byteLength > 0 ? 'salvaged' : 'empty' };
    return { revision, trueUpTo, digest: dead ? undefined : { session, incarnation, version, digest } };
  } catch (error) {
    const standing = isOfAnotherRelease(error) ? foreignStanding(value, STORED_MAGIC) : undefined;
    if (standing !== undefined) return { revision, trueUpTo: standing.trueUpTo, digest: undefined, withheld: true };
    // unreadable: it covers nothing, and is overwritten
    return { revision, trueUpTo: sequence(0), digest: undefined };
  }
}

function isOfAnotherRelease(error: unknown): boolean {
  return error instanceof TwinstateError && error.code === 'FORMAT_UNSUPPORTED';
}

/** Removes a session's tombstone; `gone` where nothing is stored under its name then. Whatever is no tombstone stays. */
export async function removeTombstone(
  snapshots: Snapshots,
  partition: Partition,
  id: SessionId,
  malformed: (error: unknown) => void,
): Promise<Removal> {
  const key = snapshotKey(id);
  const found = await snapshots.get(partition, key);
  if (found === null || found === undefined) return found === null ? 'gone' : 'there';
  const stored = decoded(found, malformed);
  if (stored.unreadable !== undefined) return isOfAnotherRelease(stored.error) ? 'withheld' : 'there';
  if (!stored.header.dead) return 'there';
  await snapshots.remove(partition, key, found.revision);
  return (await snapshots.get(partition, key)) === null ? 'gone' : 'there';
}
