/**
 * The world that memory connections share: what is stored, and who is connected.
 *
 * Invariant: everything here outlives connections, so a node that is started again finds its log and snapshots. All changes to
 * what is stored happen in this file, synchronously, which is what makes the conditional append atomic.
 */
import type { AppendResult, PutResult, SnapshotEntry } from '../port.js';
import { revision, type NodeId, type Partition, type Revision, type Sequence } from '../../shared/ids.js';
import { PartitionLog } from './partition-log.js';
import type { Faults } from './faults.js';

export interface MemoryClusterOptions {
  /** A simulated world; without it every call gets through at once. */
  readonly faults?: Faults | undefined;
  /** What `messageBytesMax` reports; larger payloads are stored all the same. Default 1 MiB. */
  readonly messageBytesMax?: number | undefined;
  /** How many bytes of records one log may hold before it refuses. Default: no limit. */
  readonly logBytesMax?: number | undefined;
  /** How long a node that is cut off waits for an answer, in milliseconds. Default 1000. */
  readonly patienceMs?: number | undefined;
}

/** A connected node, as the others and the cluster see it. */
export interface Member {
  readonly node: NodeId;
  /** Whether it can be reached now. */
  readonly up: boolean;
  readonly mailbox: Mailbox | undefined;
  /** Its link was cut or mended. */
  linkChanged(): void;
  crash(): void;
}

/** Where what other nodes send arrives. */
export interface Mailbox {
  readonly serves: boolean;
  ask(body: Uint8Array, back: (answer: Uint8Array) => void): void;
  hearFrom(body: Uint8Array): void;
}

/** The key under which the cluster's own state is grouped, beside the partitions. */
const NO_PARTITION = -1;

/** What one generation of one cluster stores. */
export class MemoryGeneration {
  #logs: PartitionLog[] = [];
  #snapshots = new Map<number, Map<string, SnapshotEntry>>();
  readonly #followers: Set<() => void>[] = [];
  readonly #options: MemoryClusterOptions;
  #revision = 0;
  #logBytes = 0;
  #losses = 0;

  constructor(options: MemoryClusterOptions) {
    this.#options = options;
  }

  /** Another one after every loss of the whole. */
  get identity(): string {
    return String(this.#losses).padStart(8, '0');
  }

  /** Loses the log as a server does that comes back empty: it is made anew under its name, and counts from 1. */
  wipe(what: { readonly snapshots: boolean }): void {
    this.#losses++;
    this.#logs = [];
    this.#logBytes = 0;
    if (!what.snapshots) return;
    this.#snapshots = new Map();
    this.#revision = 0;
  }

  /** Loses the newest records of a partition, as after a power failure. */
  rollBack(partition: Partition, records: number): void {
    const log = this.log(partition);
    this.#logBytes -= log.bytes;
    log.rollBack(records);
    this.#logBytes += log.bytes;
  }

  /** Damages the newest record of a partition where it is stored; whoever has read it has it as it was. */
  damage(partition: Partition, damage: (record: Uint8Array) => Uint8Array): void {
    this.log(partition).damage(damage);
  }

  /** The highest revision given out so far. */
  get highest(): Revision {
    return revision(this.#revision);
  }

  log(partition: Partition): PartitionLog {
    return (this.#logs[partition] ??= new PartitionLog());
  }

  append(partition: Partition, expected: Sequence, record: Uint8Array): AppendResult {
    const log = this.log(partition);
    if (log.last !== expected) return { outcome: 'refused', reason: 'position' };
    if (this.#logBytes + record.byteLength > (this.#options.logBytesMax ?? Infinity))
      return { outcome: 'refused', reason: 'full' };
    const sequence = log.append(record, this.#options.faults?.hole?.(partition) ?? 0);
    this.#logBytes += record.byteLength;
    for (const wake of this.followers(partition)) wake();
    return { outcome: 'stored', sequence };
  }

  trim(partition: Partition, upTo: Sequence): void {
    const log = this.log(partition);
    this.#logBytes -= log.bytes;
    log.trim(upTo);
    this.#logBytes += log.bytes;
  }

  /** Those to wake when a record was stored. */
  followers(partition: Partition): Set<() => void> {
    return (this.#followers[partition] ??= new Set());
  }

  group(partition: Partition | undefined): Map<string, SnapshotEntry> {
    const name = partition ?? NO_PARTITION;
    let group = this.#snapshots.get(name);
    if (group === undefined) this.#snapshots.set(name, (group = new Map()));
    return group;
  }

  put(partition: Partition | undefined, key: string, value: Uint8Array, expected: Revision): PutResult {
    const group = this.group(partition);
    if ((group.get(key)?.revision ?? 0) !== expected) return { outcome: 'refused' };
    const next = revision(++this.#revision);
    group.set(key, { key, value, revision: next });
    return { outcome: 'stored', revision: next };
  }

  remove(partition: Partition | undefined, key: string, expected: Revision): void {
    const group = this.group(partition);
    if (group.get(key)?.revision === expected) group.delete(key);
  }
}

/** One world: any number of clusters and generations, all in this process. Make several engines over one to share it. */
export class MemoryCluster {
  readonly options: MemoryClusterOptions;
  readonly #generations = new Map<string, Map<number, MemoryGeneration>>();
  readonly #members = new Map<string, Set<Member>>();
  readonly #cut = new Set<NodeId>();

  constructor(options: MemoryClusterOptions = {}) {
    this.options = options;
  }

  /** What a generation stores; made when it is first asked for. */
  generation(cluster: string, generation: number): MemoryGeneration {
    let all = this.#generations.get(cluster);
    if (all === undefined) this.#generations.set(cluster, (all = new Map()));
    let stored = all.get(generation);
    if (stored === undefined) all.set(generation, (stored = new MemoryGeneration(this.options)));
    return stored;
  }

  /** The generations of a cluster that are there, lowest first. */
  generations(cluster: string): number[] {
    return [...(this.#generations.get(cluster)?.keys() ?? [])].toSorted((a, b) => a - b);
  }

  /** The connected nodes of a cluster, in the order in which they came. */
  members(cluster: string): Set<Member> {
    let all = this.#members.get(cluster);
    if (all === undefined) this.#members.set(cluster, (all = new Set()));
    return all;
  }

  isCut(node: NodeId): boolean {
    return this.#cut.has(node);
  }

  /** Cuts a node off, both ways: it neither reaches the log nor other nodes; what it had sent still arrives. */
  cut(node: NodeId): void {
    if (this.#cut.has(node)) return;
    this.#cut.add(node);
    this.#each(node, (member) => member.linkChanged());
  }

  mend(node: NodeId): void {
    if (!this.#cut.delete(node)) return;
    this.#each(node, (member) => member.linkChanged());
  }

  /** Kills a node's connections as `kill -9` would: nothing of it is told anything any more. What it had sent still arrives. */
  crash(node: NodeId): void {
    this.#each(node, (member) => member.crash());
  }

  #each(node: NodeId, fn: (member: Member) => void): void {
    for (const all of this.#members.values()) {
      for (const member of [...all]) if (member.node === node) fn(member);
    }
  }
}
