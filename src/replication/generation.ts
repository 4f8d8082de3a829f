/**
 * Positions over the generations of a log.
 *
 * Invariant: sequences rise across generations, so epochs, incarnations and positions of different ones never meet: a generation's
 * sequences begin where those of the one before it cannot reach. Versions leap at every new generation, by more than a log that was
 * lost can have held beyond what survived: a version that was given out never comes to mean another state.
 */
import { sequence, version } from '../shared/ids.js';
import type { Epoch, NodeId, Sequence, Version } from '../shared/ids.js';

/** Sequences of one generation; 8,192 generations of as many are exact numbers. */
const SPAN = 2 ** 40;
/** How far versions leap. A session that was committed a million times beyond every surviving copy is none that can be told apart. */
const VERSION_LEAP = 2 ** 20;

/** What stands before the first record of a generation. */
export function beginningOf(generation: number): Sequence {
  return sequence((generation - 1) * SPAN);
}

/** The generation in which a position lies; that of no position at all is the first. */
export function generationOf(at: Sequence | Epoch): number {
  return at <= 0 ? 1 : Math.floor((at - 1) / SPAN) + 1;
}

export function leap(from: Version): Version {
  return version(from + VERSION_LEAP);
}

/** A session's version with the leaps that it would have made on its way from the generation of its last change into another. */
export function leapInto(of: Version, lastChange: Sequence, generation: number): Version {
  return version(of + VERSION_LEAP * (generation - generationOf(lastChange)));
}

/** A session's version without the leaps that it made on its way into the generation of its last change: to be compared, never shown. */
export function originalVersion(of: Version, lastChange: Sequence): number {
  return of - VERSION_LEAP * (generationOf(lastChange) - 1);
}

/** How far the memory of a replica reaches: the later term counts first, then the later position. */
export interface Reach {
  readonly epoch: Epoch;
  readonly position: Sequence;
}

/** Positive where `a` reaches farther. */
export function compareReach(a: Reach, b: Reach): number {
  return a.epoch - b.epoch || a.position - b.position;
}

/** What a replica remembers: how far, and of which log. */
export interface Memory extends Reach {
  /** Of the log that it was read from, see the engine's port; empty where that is not known. */
  readonly identity: string;
}

/**
 * Positive where `a` is to be gone on from rather than `b`: the later generation first; then the log that was made first, as one made
 * anew under its name counts from the beginning and knows nothing of it; then the farther reach.
 */
export function compareMemory(a: Memory, b: Memory): number {
  const generations = generationOf(a.position) - generationOf(b.position);
  if (generations !== 0) return generations;
  if (a.identity !== '' && b.identity !== '' && a.identity !== b.identity) return a.identity < b.identity ? 1 : -1;
  return compareReach(a, b);
}

/** How a generation began: whose memory it goes on from, and how far that reached. */
export interface Seeding extends Reach {
  /** Of its first record. */
  readonly at: Sequence;
  readonly node: NodeId;
}
