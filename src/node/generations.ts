/**
 * The generations of a cluster's log that this process has open, shared by all of its replicas.
 *
 * Invariant: positions handed out and taken here rise across generations (`replication/generation.ts`), while each log counts from
 * its own beginning; the only place that knows both.
 */
import type {
  AppendResult,
  EngineConnection,
  Log,
  LogEntry,
  LogRead,
  Snapshots,
  StoredGeneration,
  Subscription,
} from '../engine/port.js';
import { beginningOf } from '../replication/generation.js';
import type { Clock } from '../shared/clock.js';
import { revision, sequence } from '../shared/ids.js';
import type { Partition, Sequence } from '../shared/ids.js';
import { SnapshotPasses } from './snapshot-passes.js';

/** Between two questions which log it is. */
const IDENTIFY_MS = 500;

/** One generation, with positions of its own. */
export interface OpenGeneration {
  readonly generation: number;
  readonly log: Log;
  readonly snapshots: Snapshots;
}

export class Generations {
  /** For all replicas of this process that load their sessions. */
  readonly passes: SnapshotPasses;
  readonly #connection: EngineConnection;
  readonly #state: { readonly key: string; readonly value: Uint8Array };
  readonly #open = new Map<number, Promise<OpenGeneration>>();
  readonly #asked = new Map<number, { atMs: number; identity: string | null | undefined }>();

  /** @param state the cluster's own state: a process that connects later finds it in the newest generation */
  constructor(
    connection: EngineConnection,
    state: { readonly key: string; readonly value: Uint8Array },
    clock: Clock,
    partitions: number,
  ) {
    this.#connection = connection;
    this.#state = state;
    this.passes = new SnapshotPasses(clock, partitions);
    this.#open.set(connection.generation, Promise.resolve(placed(connection)));
  }

  /** Opens a generation, and makes it where it is not there. */
  open(generation: number): Promise<OpenGeneration> {
    let open = this.#open.get(generation);
    if (open === undefined) {
      open = this.#make(generation);
      this.#open.set(generation, open);
      open.catch(() => this.#open.delete(generation));
    }
    return open;
  }

  async #make(generation: number): Promise<OpenGeneration> {
    const opened = placed(await this.#connection.open(generation));
    const { key, value } = this.#state;
    const found = await opened.snapshots.get(undefined, key);
    if (found === null) await opened.snapshots.put(undefined, key, value, revision(0));
    return opened;
  }

  /** Which of them are there, lowest first. `undefined`: nobody answered. */
  existing(): Promise<readonly number[] | undefined> {
    return this.#connection.generations();
  }

  /** The newest generation in which a partition has a record; the lowest one where it has none in any. `undefined`: ask again. */
  async newestOf(partition: Partition): Promise<number | undefined> {
    const existing = await this.existing();
    if (existing === undefined) return undefined;
    for (const generation of existing.toReversed()) {
      const { log } = await this.open(generation);
      const read = await log.read(partition, sequence(0), { bytesMax: 1 });
      if (read === undefined) return undefined;
      if (read.entries.length > 0) return generation;
    }
    return existing[0] ?? this.#connection.generation;
  }

  /**
   * Where to read a partition: in the generation that is `wanted` if it was `read` there before, else in the newest that has a record of
   * it. What others say of a later one is a reason to look, and never makes one. `undefined`: ask again.
   */
  async where(partition: Partition, wanted: number | undefined, read: number | undefined): Promise<number | undefined> {
    return wanted !== undefined && wanted === read ? wanted : this.newestOf(partition);
  }

  /** Which log a generation has, as it was told last: one question for all replicas. `undefined`: nobody answered yet. */
  identity(generation: number, nowMs: number): string | null | undefined {
    let asked = this.#asked.get(generation);
    if (asked === undefined) this.#asked.set(generation, (asked = { atMs: -Infinity, identity: undefined }));
    const { atMs, identity } = asked;
    if (nowMs - atMs >= IDENTIFY_MS) {
      asked.atMs = nowMs;
      const told = asked;
      void this.#open
        .get(generation)
        ?.then(
          async ({ log }) => {
            told.identity = await log.identity();
          },
          () => undefined,
        )
        .catch(() => undefined);
    }
    return identity;
  }
}

function placed({ generation, log, snapshots }: StoredGeneration): OpenGeneration {
  const beginning = beginningOf(generation);
  return { generation, snapshots, log: beginning === 0 ? log : new PlacedLog(log, beginning) };
}

/** A log whose sequences begin behind `beginning`. An empty partition stands at 0 in every generation. */
class PlacedLog implements Log {
  readonly #log: Log;
  readonly #beginning: Sequence;

  constructor(log: Log, beginning: Sequence) {
    this.#log = log;
    this.#beginning = beginning;
  }

  async append(partition: Partition, expected: Sequence, record: Uint8Array): Promise<AppendResult> {
    const result = await this.#log.append(partition, this.#inside(expected), record);
    return result.outcome === 'stored' ? { ...result, sequence: this.#outside(result.sequence) } : result;
  }

  async read(partition: Partition, after: Sequence, limits?: { readonly bytesMax?: number }): Promise<LogRead | undefined> {
    const read = await this.#log.read(partition, this.#inside(after), limits);
    return read && { ...read, entries: read.entries.map((entry) => this.#entry(entry)), last: this.#outside(read.last) };
  }

  follow(partition: Partition, after: Sequence, listener: (entry: LogEntry) => void): Subscription {
    return this.#log.follow(partition, this.#inside(after), (entry) => listener(this.#entry(entry)));
  }

  identity(): Promise<string | null | undefined> {
    return this.#log.identity();
  }

  trim(partition: Partition, upTo: Sequence): Promise<void> {
    return this.#log.trim(partition, this.#inside(upTo));
  }

  outdatedUpTo(partition: Partition): Sequence {
    return this.#outside(this.#log.outdatedUpTo?.(partition) ?? sequence(0));
  }

  #entry({ sequence: at, record }: LogEntry): LogEntry {
    return { sequence: this.#outside(at), record };
  }

  #inside(at: Sequence): Sequence {
    return sequence(Math.max(0, at - this.#beginning));
  }

  #outside(at: Sequence): Sequence {
    return at === 0 ? at : sequence(at + this.#beginning);
  }
}
