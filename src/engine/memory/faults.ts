/**
 * What a simulated world may do to the memory engine: it is asked about every message before the message leaves.
 *
 * Invariant: the engine itself draws nothing and waits for nothing of its own accord. It asks in the order in which the calls are
 * made, once for each, so that a world with a seeded random number generator replays a whole cluster from its seed. A method that
 * is missing, or that answers `undefined`, means: it gets through at once.
 */
import type { Clock } from '../../shared/clock.js';
import type { NodeId, Partition } from '../../shared/ids.js';

/** The way of one call to the cluster and of its answer back. Times in milliseconds; `Infinity`: it never gets there. */
export interface Journey {
  /** By the world's clock: what was sent arrives even where its sender is paused or dead. */
  readonly thereMs: number;
  readonly backMs: number;
  /** When the caller stops waiting, by its own clock: a call that arrives later than that is *late*, and still takes effect. */
  readonly patienceMs: number;
}

export interface WriteJourney extends Journey {
  /** The answer is a refusal although the position was right; whether the write was stored all the same. */
  readonly spurious?: 'stored' | 'not-stored' | undefined;
  /** There is no room: a log refuses as full, of snapshots nothing can be said. Not stored. */
  readonly full?: boolean | undefined;
}

export interface ReadJourney extends Journey {
  /** An outdated leader answers: it does not know the last so many records yet. */
  readonly hidden?: number | undefined;
}

export interface RequestJourney {
  readonly thereMs: number;
  readonly backMs: number;
  /** The request arrives a second time after so many milliseconds. */
  readonly againMs?: number | undefined;
}

export interface Faults {
  /** The world's clock, by which everything travels. */
  readonly clock: Clock;
  append?(node: NodeId, partition: Partition): WriteJourney | undefined;
  read?(node: NodeId, partition: Partition): ReadJourney | undefined;
  /** How long the next records take to a follower; what is stored meanwhile comes with the next delivery. */
  deliver?(node: NodeId, partition: Partition): number | undefined;
  identity?(node: NodeId): Journey | undefined;
  trim?(node: NodeId, partition: Partition): Journey | undefined;
  put?(node: NodeId, key: string): WriteJourney | undefined;
  get?(node: NodeId, key: string): Journey | undefined;
  list?(node: NodeId, partition: Partition): Journey | undefined;
  remove?(node: NodeId, key: string): Journey | undefined;
  request?(from: NodeId, to: NodeId): RequestJourney | undefined;
  /** How long a message to one node takes; `Infinity`: it is lost. */
  tell?(from: NodeId, to: NodeId): number | undefined;
  /** As `tell`, for one hearer of an announcement. */
  announce?(from: NodeId, to: NodeId): number | undefined;
  /** How many sequences are left out before the next record, as in a stream that several partitions share. */
  hole?(partition: Partition): number;
}
