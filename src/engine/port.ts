/**
 * The port: what a cluster runs on, as one process sees it. Three services, nothing else.
 *
 * - `Log`: an ordered, durable list of records for each partition; the *conditional append* is the only arbiter of the cluster.
 * - `Snapshots`: small values under keys, replaced by compare-and-set.
 * - `Bus`: requests between nodes, and presence. It may lose, repeat and delay; it decides nothing.
 *
 * Invariant: an engine earns its place by passing the conformance suite in `testing/`. Names given to an engine (cluster, node,
 * keys) may hold any characters; payloads may be larger than the server's message limit: escaping and splitting are the engine's.
 *
 * Nothing here rejects because of the network. What cannot be known is a value (`unknown`), so that the caller must handle it. A
 * promise rejects with `CLOSED` after `close`, with `ABORTED` through a signal, with `ENGINE_FAILED` for what no retry mends.
 */
import type { Clock, Random } from '../shared/clock.js';
import type { NodeId, Partition, Revision, Sequence } from '../shared/ids.js';

/** Makes connections; what `memoryEngine()` and `natsEngine()` return. Reusable: several stores of one process may share it. */
export interface Engine {
  /** `memory`, `nats`, …, for people. */
  readonly name: string;
  /** @throws {TwinstateError} `ENGINE_UNSUPPORTED` with the reason and the cure, `UNAVAILABLE` when nobody answers in time */
  connect(request: EngineRequest): Promise<EngineConnection>;
}

export interface EngineRequest {
  readonly cluster: string;
  /**
   * Which generation `log` and `snapshots` of the connection are; `newest`: the highest that is there, or the first one. It rises
   * when a log was lost and begun anew, and is part of the name of every log and of all snapshots, so that what was sent to an
   * earlier one meets nothing. The bus is shared by all generations of a cluster.
   */
  readonly generation: number | 'newest';
  readonly node: NodeId;
  /** The engine calls back through this clock only: a node whose clock stands still hears nothing. */
  readonly clock: Clock;
  readonly random: Random;
  /** How long connecting may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Only the bus is used: nothing is made where there is no such cluster, and log and snapshots are not asked for. Its requests come as a looker's. */
  readonly looksOnly?: boolean | undefined;
}

/** What is stored under the names of one generation. */
export interface StoredGeneration {
  readonly generation: number;
  readonly log: Log;
  readonly snapshots: Snapshots;
}

export interface EngineConnection extends StoredGeneration {
  /** Opens another generation over the same link, and makes its log and snapshots where they are not there. */
  open(generation: number): Promise<StoredGeneration>;
  /** The generations that are there, lowest first. `undefined`: nobody answered, ask again. */
  generations(): Promise<readonly number[] | undefined>;
  readonly bus: Bus;
  /** The largest record, value or message that goes through unsplit, in bytes; batches should stay below. */
  readonly messageBytesMax: number;
  /** Whether the connection stands now, and since when by `clock.now()`. A suspicion needs a connection that was stable. */
  readonly link: Link;
  /** Ends every subscription; what is under way rejects with `CLOSED`. Never touches what is stored. */
  close(): Promise<void>;
}

export interface Link {
  readonly up: boolean;
  readonly sinceMs: number;
}

export interface LogEntry {
  readonly sequence: Sequence;
  readonly record: Uint8Array;
}

export type AppendResult =
  | { readonly outcome: 'stored'; readonly sequence: Sequence }
  /** The log said no. It may be wrong (a retry of one's own, a spurious refusal): only the record at the position decides. */
  | { readonly outcome: 'refused'; readonly reason: 'position' | 'full' }
  /** No answer, or one that says nothing: the record may be stored, may never be, may still be travelling. */
  | { readonly outcome: 'unknown'; readonly reason: string };

export interface LogRead {
  /** In order; complete from `after` to `last` unless `truncated`. */
  readonly entries: readonly LogEntry[];
  /** The sequence of the last record when this was read; 0 where the partition is empty. */
  readonly last: Sequence;
  /** True where more records than asked for were there: read on after the last entry. */
  readonly truncated: boolean;
}

export interface Log {
  /**
   * Stores `record` as the next record of `partition` if its last one stands at `expected` (0: it is empty). Sequences rise but
   * may have holes. The same record may be appended again at the same position, to find out what became of it.
   */
  append(partition: Partition, expected: Sequence, record: Uint8Array): Promise<AppendResult>;
  /**
   * Reads records behind `after` as the log's leader knows them. `undefined`: nobody answered, ask again.
   * @param limits.bytesMax stop after about so many bytes (default: everything)
   */
  read(partition: Partition, after: Sequence, limits?: { readonly bytesMax?: number }): Promise<LogRead | undefined>;
  /**
   * Delivers every record behind `after`, in order, as it is stored, across reconnects; each once, none left out as far as the
   * engine can know (the caller checks predecessors). One listener a call; it is called through the clock, and never after `stop`.
   * What others put into the log is delivered as it is, in its place: the caller's decoder refuses it.
   */
  follow(partition: Partition, after: Sequence, listener: (entry: LogEntry) => void): Subscription;
  /**
   * Says which log this is: made anew under the same name, it is another one, which sorts behind the former (as text), and what was
   * in that is lost. `null`: there is
   * none; on a cluster of servers that may be a stale answer. `undefined`: nobody answered.
   */
  identity(): Promise<string | null | undefined>;
  /** Forgets the records up to and including `upTo`. Best effort: a trim that is lost is made again by a later one. */
  trim(partition: Partition, upTo: Sequence): Promise<void>;
  /** Up to where records are still written as they would not be now (under another key), as far as they were read; 0: none are. */
  outdatedUpTo?(partition: Partition): Sequence;
}

export interface Subscription {
  stop(): void;
}

export interface SnapshotEntry {
  readonly key: string;
  readonly value: Uint8Array;
  readonly revision: Revision;
}

export type PutResult =
  | { readonly outcome: 'stored'; readonly revision: Revision }
  | { readonly outcome: 'refused' }
  | { readonly outcome: 'unknown'; readonly reason: string };

export interface Snapshots {
  /**
   * Stores `value` if the key's revision is `expected` (0: absent). Revisions rise over all keys of the cluster.
   * @param partition the group to which the key belongs, for `list`; `undefined` for the cluster's own state
   */
  put(partition: Partition | undefined, key: string, value: Uint8Array, expected: Revision): Promise<PutResult>;
  /** Reads as the leader knows it: `null` where the key is absent, `undefined` where nobody answered. */
  get(partition: Partition | undefined, key: string): Promise<SnapshotEntry | null | undefined>;
  /**
   * Reads every key of a partition, and the highest revision that this is complete up to: at least that of every entry, and of
   * every put that was acknowledged before, also of keys removed since. `undefined`: nobody answered, ask again.
   */
  list(partition: Partition): Promise<{ readonly entries: readonly SnapshotEntry[]; readonly highest: Revision } | undefined>;
  /**
   * Reads every key of some partitions in one pass and hands them over as they come; an engine that has nothing quicker than a
   * listing of each leaves it out. A key that is replaced meanwhile may come twice, the newer one later. `take` is waited for, and
   * ends the pass by resolving to false. Resolves to the revision that this is complete up to, as that of `list`; `undefined`: it
   * was not read to its end, ask again.
   */
  scan?(
    partitions: ReadonlySet<Partition>,
    take: (partition: Partition, entries: readonly SnapshotEntry[]) => Promise<boolean>,
  ): Promise<Revision | undefined>;
  /** Forgets a key if its revision is `expected`. Best effort. */
  remove(partition: Partition | undefined, key: string, expected: Revision): Promise<void>;
}

export type RequestResult =
  | { readonly outcome: 'answered'; readonly body: Uint8Array }
  /** Nobody listens there: the request reached no one. */
  | { readonly outcome: 'no-responders' }
  /** It may have arrived, it may still arrive. */
  | { readonly outcome: 'unknown'; readonly reason: string };

/** @param looks whoever asks may only look: it came over a connection of `looksOnly`, where the engine can tell */
export type RequestHandler = (body: Uint8Array, looks?: boolean) => Promise<Uint8Array | undefined> | Uint8Array | undefined;

/**
 * A subscription made after `close` hears nothing, and a message sent then is lost; neither throws, because both happen to nodes
 * that are leaving. Who serves is reachable for others a moment later.
 */
export interface Bus {
  /** Answers requests that other nodes send to this one. A handler never throws; `undefined` answers nothing. One handler. */
  serve(handler: RequestHandler): Subscription;
  /** Asks a node and waits for at most `timeoutMs`. It may arrive more than once, or late. */
  request(to: NodeId, body: Uint8Array, timeoutMs: number): Promise<RequestResult>;
  /** Tells a node, where its `serve` handler is called and its answer is dropped; it may be lost. */
  tell(to: NodeId, body: Uint8Array): void;
  /** Tells every process of the cluster, this one included or not; it may be lost. */
  announce(body: Uint8Array): void;
  /** Hears announcements. */
  hear(listener: (body: Uint8Array) => void): Subscription;
}
