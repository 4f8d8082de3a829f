/**
 * Reads what is stored of a partition, for a replica that joins.
 *
 * Invariant: the whole log is read first and the snapshots then, so that what is trimmed in between is in the snapshots (rule 8), and the
 * log is the same one before and after. What could be read only in part is not handed out.
 */
import { mayBeginEarly } from '../replication/joining.js';
import type { ReadPartition } from '../replication/joining.js';
import { revision, sequence } from '../shared/ids.js';
import type { Partition } from '../shared/ids.js';
import type { Generations, OpenGeneration } from './generations.js';
import { decodedAll } from './stored-snapshots.js';

/** What is to be read. */
export interface ReadingWish {
  readonly partition: Partition;
  /** The generation to read, where others spoke of one, and the one that was read last. */
  readonly wanted: number | undefined;
  readonly before: number | undefined;
  /** The replica has something to compare with everything that is stored: without that it goes to work before all of it is here. */
  readonly remembers: boolean;
  /** Still wanted. */
  readonly live: () => boolean;
  /** Hears of a snapshot that cannot be read. */
  readonly malformed: (error: unknown) => void;
}

/** A partition as it was read, and where from. */
export interface PartitionReading {
  readonly from: OpenGeneration;
  readonly read: ReadPartition;
}

/** Resolves to `undefined` where it must be read again, or is not wanted any more. Rejects with what ends the connection. */
export async function readPartition(generations: Generations, wish: ReadingWish): Promise<PartitionReading | undefined> {
  const { partition, wanted, before, remembers, live, malformed } = wish;
  const generation = await generations.where(partition, wanted, before);
  if (generation === undefined || !live()) return undefined;
  const from = await generations.open(generation);
  const identity = await from.log.identity();
  if (identity === undefined) return undefined;
  const log = await from.log.read(partition, sequence(0));
  if (log === undefined || log.truncated || !live()) return undefined;
  const early = !remembers && mayBeginEarly(log.entries);
  const listed = early ? undefined : await from.snapshots.list(partition);
  if ((listed === undefined && !early) || !live()) return undefined;
  if ((await from.log.identity()) !== identity) return undefined;
  const stored = listed && decodedAll(listed.entries, malformed);
  return { from, read: { generation, identity, log: log.entries, stored, highest: listed?.highest ?? revision(0) } };
}
