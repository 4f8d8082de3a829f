/**
 * The log of the memory engine.
 *
 * Invariant: a follower hands out records in order and once each; it stands still while its node is cut off or paused and goes on
 * behind the last record that it handed out.
 */
import type { AppendResult, Log, LogEntry, LogRead, Subscription } from '../port.js';
import type { MemoryGeneration } from './memory-cluster.js';
import { copyBytes } from '../../shared/bytes.js';
import type { Partition, Sequence } from '../../shared/ids.js';
import type { ReadJourney } from './faults.js';
import { send, type MemoryLink } from './memory-link.js';

export class MemoryLog implements Log {
  readonly #link: MemoryLink;
  readonly #stored: MemoryGeneration;
  readonly #followers = new Set<MemoryFollower>();

  constructor(link: MemoryLink, stored: MemoryGeneration) {
    this.#link = link;
    this.#stored = stored;
    link.onMended(() => {
      for (const follower of this.#followers) follower.wake();
    });
    link.onEnd(() => {
      for (const follower of [...this.#followers]) follower.stop();
    });
  }

  append(partition: Partition, expected: Sequence, record: Uint8Array): Promise<AppendResult> {
    const stored = this.#stored;
    const { node, cluster } = this.#link;
    // the caller may use its buffer again
    const copy = copyBytes(record);
    const journey = cluster.options.faults?.append?.(node, partition);
    return this.#link.travel<AppendResult>(
      journey,
      () => {
        if (journey?.full === true) return { outcome: 'refused', reason: 'full' };
        if (journey?.spurious === 'not-stored') return { outcome: 'refused', reason: 'position' };
        const result = stored.append(partition, expected, copy);
        return journey?.spurious === 'stored' ? { outcome: 'refused', reason: 'position' } : result;
      },
      (reason) => ({ outcome: 'unknown', reason }),
    );
  }

  read(partition: Partition, after: Sequence, limits?: { readonly bytesMax?: number }): Promise<LogRead | undefined> {
    const stored = this.#stored;
    const { node, cluster } = this.#link;
    const journey: ReadJourney | undefined = cluster.options.faults?.read?.(node, partition);
    return this.#link.travel<LogRead | undefined>(
      journey,
      () => stored.log(partition).behind(after, limits?.bytesMax, journey?.hidden),
      () => undefined,
    );
  }

  follow(partition: Partition, after: Sequence, listener: (entry: LogEntry) => void): Subscription {
    const follower = new MemoryFollower(this.#link, this.#stored, partition, after, listener, () =>
      this.#followers.delete(follower),
    );
    if (!this.#link.open) return follower;
    this.#followers.add(follower);
    follower.start();
    return follower;
  }

  identity(): Promise<string | null | undefined> {
    const stored = this.#stored;
    const { node, cluster } = this.#link;
    return this.#link.travel<string | null | undefined>(
      cluster.options.faults?.identity?.(node),
      () => stored.identity,
      () => undefined,
    );
  }

  trim(partition: Partition, upTo: Sequence): Promise<void> {
    const stored = this.#stored;
    const { node, cluster } = this.#link;
    return this.#link.travel<void>(
      cluster.options.faults?.trim?.(node, partition),
      () => stored.trim(partition, upTo),
      () => undefined,
    );
  }
}

class MemoryFollower implements Subscription {
  readonly #link: MemoryLink;
  readonly #stored: MemoryGeneration;
  readonly #partition: Partition;
  readonly #listener: (entry: LogEntry) => void;
  readonly #stopped: () => void;
  readonly #wake = (): void => this.wake();
  #after: Sequence;
  /** One delivery travels at a time, which keeps the order. */
  #travelling = false;
  #live = false;

  constructor(
    link: MemoryLink,
    stored: MemoryGeneration,
    partition: Partition,
    after: Sequence,
    listener: (entry: LogEntry) => void,
    stopped: () => void,
  ) {
    this.#link = link;
    this.#stored = stored;
    this.#partition = partition;
    this.#after = after;
    this.#listener = listener;
    this.#stopped = stopped;
  }

  start(): void {
    this.#live = true;
    this.#stored.followers(this.#partition).add(this.#wake);
    this.wake();
  }

  stop(): void {
    if (!this.#live) return;
    this.#live = false;
    this.#stored.followers(this.#partition).delete(this.#wake);
    this.#stopped();
  }

  wake(): void {
    const { up, cluster, clock, node } = this.#link;
    if (!this.#live || this.#travelling || !up) return;
    const log = this.#stored.log(this.#partition);
    if (log.last <= this.#after) return;
    this.#travelling = true;
    const { faults } = cluster.options;
    if (faults?.deliver === undefined) {
      clock.after(0, () => this.#deliver(log.behind(this.#after).entries));
      return;
    }
    const { entries } = log.behind(this.#after);
    send(faults.clock, faults.deliver(node, this.#partition) ?? 0, () => {
      if (this.#link.up) clock.after(0, () => this.#deliver(entries));
      else this.#travelling = false;
    });
  }

  #deliver(entries: readonly LogEntry[]): void {
    try {
      for (const entry of entries) {
        // cut off meanwhile: what was on its way is lost, and asked for again when the link is back
        if (!this.#live || !this.#link.up) break;
        this.#after = entry.sequence;
        this.#listener(entry);
      }
    } finally {
      this.#travelling = false;
      this.wake();
    }
  }
}
