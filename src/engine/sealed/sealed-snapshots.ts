/**
 * Snapshots that are sealed on their way in and opened on their way out. The cluster's own state, under no partition, stays plain.
 *
 * Invariant: a snapshot whose key is not here, that another release sealed, or that is plain where none may be, is silence, never an absent or a broken one, so
 * nobody goes on without its session or overwrites it. One that was changed, or stands where it was not put, is handed on so that
 * its session, and only it, is quarantined.
 */
import type { PutResult, SnapshotEntry, Snapshots } from '../port.js';
import { TwinstateError } from '../../shared/errors.js';
import type { Partition, Revision } from '../../shared/ids.js';
import type { Trouble } from './sealed-log.js';
import { refused } from './seals.js';
import type { Seals } from './seals.js';

/** What sealing everything under the key of now has come to. */
export interface Resealed {
  /** Snapshots that were sealed under another key, or not at all, and now are under the first one. */
  readonly resealed: number;
  /** Those that were not, because somebody wrote them meanwhile or nobody answered: ask again. */
  readonly left: number;
}

export class SealedSnapshots implements Snapshots {
  readonly #snapshots: Snapshots;
  readonly #generation: number;
  readonly #seals: Seals;
  readonly #trouble: Trouble;
  readonly scan?: NonNullable<Snapshots['scan']>;

  constructor(snapshots: Snapshots, generation: number, seals: Seals, trouble: Trouble) {
    this.#snapshots = snapshots;
    this.#generation = generation;
    this.#seals = seals;
    this.#trouble = trouble;
    const scan = snapshots.scan?.bind(snapshots);
    if (scan !== undefined) this.scan = (partitions, take) => this.#scan(scan, partitions, take);
  }

  put(partition: Partition | undefined, key: string, value: Uint8Array, expected: Revision): Promise<PutResult> {
    return this.#snapshots.put(partition, key, this.#seal(partition, key, value, expected), expected);
  }

  async get(partition: Partition | undefined, key: string): Promise<SnapshotEntry | null | undefined> {
    const found = await this.#snapshots.get(partition, key);
    return found === null || found === undefined || partition === undefined ? found : this.#open(partition, found);
  }

  async list(
    partition: Partition,
  ): Promise<{ readonly entries: readonly SnapshotEntry[]; readonly highest: Revision } | undefined> {
    const listing = await this.#snapshots.list(partition);
    if (listing === undefined) return undefined;
    const entries = this.#openAll(partition, listing.entries);
    return entries && { ...listing, entries };
  }

  /** One that cannot be opened for want of its key ends the pass: nobody goes on without its session. */
  async #scan(
    scan: NonNullable<Snapshots['scan']>,
    partitions: ReadonlySet<Partition>,
    take: Parameters<typeof scan>[1],
  ): Promise<Revision | undefined> {
    let opens = true;
    const upTo = await scan(partitions, async (partition, found) => {
      const entries = this.#openAll(partition, found);
      // the pass was not read to its end
      if (entries === undefined) return (opens = false);
      return take(partition, entries);
    });
    return opens ? upTo : undefined;
  }

  remove(partition: Partition | undefined, key: string, expected: Revision): Promise<void> {
    return this.#snapshots.remove(partition, key, expected);
  }

  /** Seals anew what is not sealed under the first key; by compare-and-set, so that no newer state is overwritten. */
  async reseal(partition: Partition): Promise<Resealed> {
    const listing = await this.#snapshots.list(partition);
    let resealed = 0;
    let left = listing === undefined ? 1 : 0;
    for (const found of listing?.entries ?? []) {
      if (this.#seals.isCurrent(found.value)) continue;
      const plain = this.#openOrThrow(partition, found);
      // what is nobody's stays as it is, as evidence
      if (plain === undefined) continue;
      const put = await this.put(partition, found.key, plain, found.revision);
      if (put.outcome === 'stored') resealed++;
      else left++;
    }
    return { resealed, left };
  }

  #seal(partition: Partition | undefined, key: string, value: Uint8Array, expected: Revision): Uint8Array {
    if (partition === undefined) return value;
    return this.#seals.seal(this.#seals.snapshot(this.#generation, partition, key), expected, value);
  }

  #openAll(partition: Partition, found: readonly SnapshotEntry[]): SnapshotEntry[] | undefined {
    const entries: SnapshotEntry[] = [];
    for (const each of found) {
      const entry = this.#open(partition, each);
      if (entry === undefined) return undefined;
      entries.push(entry);
    }
    return entries;
  }

  #open(partition: Partition, found: SnapshotEntry): SnapshotEntry | undefined {
    try {
      return { ...found, value: this.#openOrThrow(partition, found) ?? refused(found.value) };
    } catch (error) {
      if (!(error instanceof TwinstateError)) throw error;
      const oneSession = error.code === 'BYTES_CORRUPT';
      this.#trouble('snapshot', error, !oneSession);
      return oneSession ? { ...found, value: refused(found.value) } : undefined;
    }
  }

  #openOrThrow(partition: Partition, { key, value }: SnapshotEntry): Uint8Array | undefined {
    const context = this.#seals.snapshot(this.#generation, partition, key);
    return this.#seals.open(context, 'snapshot', value, `the snapshot ${JSON.stringify(key)} of partition ${partition}`)?.plain;
  }
}
