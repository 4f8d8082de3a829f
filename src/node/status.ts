/**
 * What a process says of itself to whoever asks: its replicas, the members that it has heard of, its connection.
 *
 * Invariant: numbers, ids of nodes and names only; no session's id, no attribute. Bytes that are no status are `BYTES_CORRUPT`.
 */
import { generationOf } from '../replication/generation.js';
import type { PartitionMachine } from '../replication/partition-machine.js';
import type { Role } from '../replication/effect.js';
import type { Link } from '../engine/port.js';
import type { ByteReader } from '../wire/reader.js';
import type { ByteWriter } from '../wire/writer.js';

/** A backup as its primary knows it. */
export interface BackupStatus {
  readonly node: string;
  /** Records of the log that it had not reported yet. */
  readonly lag: number;
  /** Milliseconds since it reported. */
  readonly heardMs: number;
}

/** One replica of one partition. */
export interface ReplicaStatus {
  readonly partition: number;
  readonly role: Role;
  /** The primary's term; 0 where there was none yet. */
  readonly epoch: number;
  /** The primary, as this replica knows it. */
  readonly leader: string | undefined;
  /** The sequence of the record that it applied last. */
  readonly applied: number;
  /** Sessions that live, as far as they are here. */
  readonly sessions: number;
  /** Of them, those that are not in memory but in the stored snapshots: only where they stand is known here. */
  readonly passive: number;
  /** It has started and still reads the stored sessions; whoever asks for one of them gets it at once. */
  readonly loading: boolean;
  /** Bytes of memory for packed sessions, the tables to find them, and the wheel of those that expire; hot ones are not counted. */
  readonly memoryBytes: number;
  /** What the log keeps of this partition, as far as this replica has applied it. */
  readonly logRecords: number;
  readonly logBytes: number;
  /** Only of a primary: who follows it. */
  readonly backups: readonly BackupStatus[];
}

/** A process of the cluster that another one has heard of. */
export interface MemberStatus {
  readonly node: string;
  readonly role: 'node' | 'client';
  /** Milliseconds since its last heartbeat; 0 of the process itself. */
  readonly heardMs: number;
}

/** What one process says of itself. */
export interface NodeStatus {
  readonly node: string;
  readonly role: 'node' | 'client';
  /** Of the log; it rises when a lost log was begun anew. */
  readonly generation: number;
  /** Of the cluster. */
  readonly partitions: number;
  readonly backups: number;
  /** Whether its connection to the engine stands, and for how many milliseconds it has been so. */
  readonly link: { readonly up: boolean; readonly forMs: number };
  readonly members: readonly MemberStatus[];
  readonly replicas: readonly ReplicaStatus[];
}

/** Of the byte that says the role. */
const LOADING = 0x40;
const ROLES: readonly Role[] = ['joining', 'following', 'leading', 'broken', 'lost', 'seeding'];

function replicaStatus<B>(machine: PartitionMachine<B>, nowMs: number): ReplicaStatus {
  const { ledger, role, options } = machine;
  const { tail } = machine.upkeep;
  const backups: BackupStatus[] = [];
  if (role === 'leading') {
    for (const [node, { position, heardMs }] of machine.primary.positions)
      backups.push({ node, lag: tail.records - tail.upTo(position).records, heardMs: whole(nowMs - heardMs) });
  }
  return {
    partition: options.partition,
    role,
    epoch: ledger.epoch,
    leader: ledger.leader,
    applied: ledger.applied,
    sessions: ledger.living,
    loading: ledger.loading,
    passive: ledger.sessions.passive,
    memoryBytes: ledger.sessions.bytes + ledger.expiry.bytes,
    logRecords: tail.records,
    logBytes: tail.bytes,
    backups,
  };
}

export interface Self {
  readonly self: string;
  readonly role: 'node' | 'client';
  readonly partitions: number;
  readonly backups: number;
  readonly connection: { readonly link: Link; readonly generation: number };
}

export function nodeStatus<B>(
  { self, role, partitions, backups, connection: { link, generation } }: Self,
  members: readonly MemberStatus[],
  replicas: readonly { readonly machine: PartitionMachine<B> }[],
  nowMs: number,
): NodeStatus {
  return {
    node: self,
    role,
    // every partition goes on by itself where its log was lost
    generation: Math.max(generation, ...replicas.map(({ machine }) => generationOf(machine.ledger.applied))),
    partitions,
    backups,
    link: { up: link.up, forMs: whole(nowMs - link.sinceMs) },
    members,
    replicas: replicas.map(({ machine }) => replicaStatus(machine, nowMs)),
  };
}

function whole(ms: number): number {
  return Math.max(0, Math.round(ms));
}

/**
 * Bytes: node, flags (1 client, 2 link up), generation, partitions, backups, link for ms, count of members with node, client (0
 * or 1), heard ms each, count of replicas with partition, role (64 more: loading), epoch, leader (empty: none), applied,
 * sessions, passive, memory bytes, log records, log bytes, count of backups with node, lag, heard ms each.
 */
export function writeStatus(out: ByteWriter, status: NodeStatus): void {
  out.string(status.node);
  out.u8((status.role === 'client' ? 1 : 0) | (status.link.up ? 2 : 0));
  for (const value of [status.generation, status.partitions, status.backups, status.link.forMs]) out.varint(value);
  out.varint(status.members.length);
  for (const { node, role, heardMs } of status.members) {
    out.string(node);
    out.u8(role === 'client' ? 1 : 0);
    out.varint(heardMs);
  }
  out.varint(status.replicas.length);
  for (const each of status.replicas) {
    out.varint(each.partition);
    out.u8(ROLES.indexOf(each.role) | (each.loading ? LOADING : 0));
    out.varint(each.epoch);
    out.string(each.leader ?? '');
    for (const value of [each.applied, each.sessions, each.passive, each.memoryBytes, each.logRecords, each.logBytes])
      out.varint(value);
    out.varint(each.backups.length);
    for (const { node, lag, heardMs } of each.backups) {
      out.string(node);
      out.varint(lag);
      out.varint(heardMs);
    }
  }
}

/** @throws {TwinstateError} `BYTES_CORRUPT`, whatever the bytes */
export function readStatus(from: ByteReader): NodeStatus {
  const node = from.string();
  const flags = from.u8();
  const [generation, partitions, backups, forMs] = [from.varint(), from.varint(), from.varint(), from.varint()];
  const members: MemberStatus[] = [];
  for (let count = from.count(3); count > 0; count--) {
    const member = from.string();
    members.push({ node: member, role: roleOf(from.u8()), heardMs: from.varint() });
  }
  const replicas: ReplicaStatus[] = [];
  for (let count = from.count(11); count > 0; count--) replicas.push(readReplica(from));
  const link = { up: (flags & 2) !== 0, forMs };
  return { node, role: roleOf(flags), generation, partitions, backups, link, members, replicas };
}

function readReplica(from: ByteReader): ReplicaStatus {
  const partition = from.varint();
  const flags = from.u8();
  const role = ROLES[flags & ~LOADING] ?? from.fail(`a role below ${ROLES.length}`, 'another');
  const epoch = from.varint();
  const leader = from.string();
  const [applied, sessions, passive, memoryBytes, logRecords, logBytes] = [
    from.varint(),
    from.varint(),
    from.varint(),
    from.varint(),
    from.varint(),
    from.varint(),
  ];
  const backups: BackupStatus[] = [];
  for (let count = from.count(3); count > 0; count--) {
    const node = from.string();
    backups.push({ node, lag: from.varint(), heardMs: from.varint() });
  }
  return {
    partition,
    role,
    epoch,
    leader: leader === '' ? undefined : leader,
    applied,
    sessions,
    passive,
    loading: (flags & LOADING) !== 0,
    memoryBytes,
    logRecords,
    logBytes,
    backups,
  };
}

const roleOf = (flags: number): 'node' | 'client' => ((flags & 1) === 1 ? 'client' : 'node');
