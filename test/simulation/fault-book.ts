/**
 * The book of all faults of a simulated world: each is named before it happens, counted by its kind, and may be withheld.
 *
 * Invariant: a fault counts once, when it begins to take effect. What follows from it is not counted again: the messages that a cut
 * or an outage swallows are part of that cut. A name means the same occasion in every run of the same seed, so that a history can be
 * replayed with some of its faults only.
 */

/** What can go wrong, and what one of it is. */
export const FAULT_KINDS = {
  crash: 'a process is killed and starts again without memory',
  pause: 'a process stands still',
  freeze: 'a process stands still, and its connections are gone when it goes on',
  cut: 'a process is cut off, both ways',
  deaf: 'nothing reaches a process, and what it sends arrives',
  mute: 'nothing that a process sends arrives, and it hears all',
  'bus out': 'no message gets from node to node, and the log lives',
  'log out': 'nothing reaches the log, or late',
  'log full': 'the log and the snapshots refuse every write',
  'slow follower': 'records reach one process late, for a while',
  drain: 'a process hands over and leaves',
  'handover broken': 'a process hands over, and another one is killed meanwhile',
  upgrade: 'a process starts again with another version of its classes',
  'foreign record': 'a stranger writes a damaged or repeated record into the log',
  'forged end': 'a stranger writes into the log, and the primary dies at once',
  'rotten record': 'the newest record of the log is damaged where it is stored',
  'later release': 'a process starts again as a later release, whose records this one cannot read',
  'damaged snapshot': 'a stored snapshot is damaged',
  'lost log': 'the log is wiped',
  'rolled back': 'the log loses its newest records',
  clock: 'a process whose clock runs too fast or too slowly, and differs',
  'lost message': 'a message between nodes is lost',
  'repeated message': 'a request between nodes arrives twice',
  'late message': 'a request between nodes takes 100 ms to 3 s',
  'overtaking message': 'a message between two nodes arrives before an earlier one',
  'lost call': 'a call does not reach the log or the snapshots',
  'unknown outcome': 'a write gets there, and its answer is lost',
  'late write': 'a write takes 200 ms to 5 s',
  'spurious refusal': 'a write is refused although its position was right',
  'stale read': 'an outdated leader answers a read',
  'late delivery': 'records take 50 to 800 ms to a follower',
  'late listing': 'a listing of snapshots takes 50 ms to 1.5 s',
} as const;

export type FaultKind = keyof typeof FAULT_KINDS;
export type FaultCounts = Partial<Record<FaultKind, number>>;

export interface FaultEntry {
  readonly name: string;
  readonly kind: FaultKind;
}

export class FaultBook {
  readonly #keep: ReadonlySet<string> | undefined;
  readonly #note: (line: string) => void;
  readonly struck: FaultEntry[] = [];
  readonly counts: FaultCounts = {};

  /** @param keep the names of those that may happen; without it, all */
  constructor(note: (line: string) => void, keep?: ReadonlySet<string>) {
    this.#note = note;
    this.#keep = keep;
  }

  /** Enters a fault, unless it is withheld. @returns whether it happens */
  strike(kind: FaultKind, name: string, who: string): boolean {
    if (this.#keep !== undefined && !this.#keep.has(name)) return false;
    this.struck.push({ name, kind });
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
    this.#note(`! ${kind} ${who} (${name})`);
    return true;
  }
}

export function sumOf(counts: FaultCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** Adds one world's counts to those of others. */
export function addCounts(to: FaultCounts, more: FaultCounts): void {
  for (const [kind, count] of Object.entries(more) as [FaultKind, number][]) to[kind] = (to[kind] ?? 0) + count;
}
