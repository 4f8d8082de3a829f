/** The snapshots of the memory engine: values under keys in groups, replaced by compare-and-set on one counter of revisions. */
import type { PutResult, SnapshotEntry, Snapshots } from '../port.js';
import type { MemoryGeneration } from './memory-cluster.js';
import { copyBytes } from '../../shared/bytes.js';
import type { Partition, Revision } from '../../shared/ids.js';
import type { MemoryLink } from './memory-link.js';

/** Of a scan, before it looks again what is there. */
const SCANNED_AT_ONCE = 16;

type Listing = { readonly entries: readonly SnapshotEntry[]; readonly highest: Revision };

export class MemorySnapshots implements Snapshots {
  readonly #link: MemoryLink;
  readonly #stored: MemoryGeneration;

  constructor(link: MemoryLink, stored: MemoryGeneration) {
    this.#link = link;
    this.#stored = stored;
  }

  put(partition: Partition | undefined, key: string, value: Uint8Array, expected: Revision): Promise<PutResult> {
    const stored = this.#stored;
    const { node, cluster } = this.#link;
    // the caller may use its buffer again
    const copy = copyBytes(value);
    const journey = cluster.options.faults?.put?.(node, key);
    return this.#link.travel<PutResult>(
      journey,
      () => {
        if (journey?.full === true) return { outcome: 'unknown', reason: 'there is no room' };
        if (journey?.spurious === 'not-stored') return { outcome: 'refused' };
        const result = stored.put(partition, key, copy, expected);
        return journey?.spurious === 'stored' ? { outcome: 'refused' } : result;
      },
      (reason) => ({ outcome: 'unknown', reason }),
    );
  }

  get(partition: Partition | undefined, key: string): Promise<SnapshotEntry | null | undefined> {
    const stored = this.#stored;
    const { node, cluster } = this.#link;
    return this.#link.travel<SnapshotEntry | null | undefined>(
      cluster.options.faults?.get?.(node, key),
      () => stored.group(partition).get(key) ?? null,
      () => undefined,
    );
  }

  list(partition: Partition): Promise<Listing | undefined> {
    const stored = this.#stored;
    const { node, cluster } = this.#link;
    return this.#link.travel<Listing | undefined>(
      cluster.options.faults?.list?.(node, partition),
      () => ({ entries: [...stored.group(partition).values()], highest: stored.highest }),
      () => undefined,
    );
  }

  /** As a stream of revisions: what is replaced while it is read comes again at its end. */
  async scan(
    partitions: ReadonlySet<Partition>,
    take: (partition: Partition, entries: readonly SnapshotEntry[]) => Promise<boolean>,
  ): Promise<Revision | undefined> {
    const stored = this.#stored;
    const { node, cluster } = this.#link;
    const [first] = partitions;
    const journey = first === undefined ? undefined : cluster.options.faults?.list?.(node, first);
    const begun = await this.#link.travel<boolean>(
      journey,
      () => true,
      () => false,
    );
    for (let seen = -1; begun;) {
      const left = [...partitions].flatMap((of) =>
        [...stored.group(of).values()].filter(({ revision }) => revision > seen).map((entry) => ({ of, entry })),
      );
      if (left.length === 0) return stored.highest;
      left.sort((a, b) => a.entry.revision - b.entry.revision);
      for (const { of, entry } of left.slice(0, SCANNED_AT_ONCE)) {
        seen = entry.revision;
        if (!(await take(of, [entry]))) return undefined;
      }
    }
    return undefined;
  }

  remove(partition: Partition | undefined, key: string, expected: Revision): Promise<void> {
    const stored = this.#stored;
    const { node, cluster } = this.#link;
    return this.#link.travel<void>(
      cluster.options.faults?.remove?.(node, key),
      () => stored.remove(partition, key, expected),
      () => undefined,
    );
  }
}
