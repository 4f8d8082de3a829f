/**
 * The records of a partition's log, and their bytes.
 *
 * Invariant: a record names itself (`id`, unique over all writers and times) and the record that it follows (`prev`). A chain of
 * records that fit is the history of the partition; one that does not fit means that something was lost, rewritten or reordered.
 *
 * Bytes: magic `0x54`, format version, kind, body, CRC-32 of all before it (little endian). Integers are varints, strings UTF-8
 * with their length in front. Magic, format version and CRC stay where they are in every release: by them an older one knows a
 * record that it cannot read from a stranger's.
 *
 * | kind | body |
 * |---|---|
 * | 1 `LEAD` | id, prev, node |
 * | 2 `COMMIT` | id, prev, epoch, node, flags (1: followers report at once), count, entries |
 * | 3 `CHECKPOINT` | id, prev, epoch, node, floor, snapshot revision, count, digests (session, incarnation, version, u32 digest), how it began |
 * | 4 `SEED` | id, prev, node, epoch and position that its memory reaches |
 * | 5 `END` | id, prev, node |
 *
 * How it began: 0 in the first generation, else the position of its `SEED`, node, epoch, position.
 *
 * An entry: kind (1 create, 2 commit, 3 touch, 4 destroy, 5 adopt, 6 forget), session, client, counter, from, steps to its version,
 * incarnation, wall-clock ms, then for a create the class's name, the lifetime (ttl ms, max age ms; 0 none) and the snapshot, for an
 * adopt the class's name and the stored session, for a commit the delta, for a destroy why (1 destroyed, 2 idle, 3 age). What the
 * primary does by itself has an empty client.
 */
import { TwinstateError } from '../shared/errors.js';
import { epoch, nodeId, revision, sequence, sessionId, version } from '../shared/ids.js';
import type { Epoch, NodeId, Revision, Sequence, SessionId, Version } from '../shared/ids.js';
import { EMPTY_BYTES } from '../shared/bytes.js';
import { crc32 } from '../wire/checksum.js';
import type { SessionDigest } from './drift.js';
import type { Reach, Seeding } from './generation.js';
import { END_REASONS, NO_LIFETIME, readLifetime, writeLifetime } from './lifetime.js';
import type { EndReason, Lifetime } from './lifetime.js';
import { ByteReader } from '../wire/reader.js';
import { ByteWriter } from '../wire/writer.js';

/** A record as it stands in the log. */
export interface LogEntry {
  readonly sequence: Sequence;
  readonly record: Uint8Array;
}

/** Unique over all writers and times: the writer's incarnation and a counter. */
export type RecordId = string;

/** Who asked: the incarnation of a client, and its counter. The same operation, however often it is sent, has one `OpId`. */
export interface OpId {
  readonly client: string;
  readonly counter: number;
}

export interface Predecessor {
  readonly sequence: Sequence;
  /** Empty where the partition is empty. */
  readonly id: RecordId;
}

/**
 * `adopt`: a state that was ahead of the log when it began anew is taken over whole; its payload is a stored session.
 * `forget`: a tombstone ends, on every replica at the same place of the log.
 */
export type EntryKind = 'create' | 'commit' | 'touch' | 'destroy' | 'adopt' | 'forget';

/** One change of one session. */
export interface Entry {
  readonly kind: EntryKind;
  readonly session: SessionId;
  readonly op: OpId;
  readonly from: Version;
  /** `from + 1`, or `from` for a touch and a forget; an adopt's may be any later one: a session is taken over at the version it was at. */
  readonly to: Version;
  /** The sequence of the session's create; 0 in a create: it is this record's own. */
  readonly incarnation: Sequence;
  /** Wall-clock milliseconds at the primary; for people and for expiry. */
  readonly atMs: number;
  /** Only of a create and an adopt: the session class's name on the wire. */
  readonly className: string;
  /** Only of a create (default: without end). */
  readonly lifetime?: Lifetime;
  /** Only of a destroy (default: somebody destroyed it). */
  readonly reason?: EndReason;
  /** A create's or an adopt's snapshot, a commit's delta: where the record was read, a view of its bytes. */
  readonly payload: Uint8Array;
}

export interface LeadRecord {
  readonly type: 'lead';
  readonly id: RecordId;
  readonly prev: Predecessor;
  readonly node: NodeId;
}

export interface CommitRecord {
  readonly type: 'commit';
  readonly id: RecordId;
  readonly prev: Predecessor;
  readonly epoch: Epoch;
  readonly node: NodeId;
  /** Someone waits for backups: followers report their position at once. */
  readonly confirm: boolean;
  readonly entries: readonly Entry[];
}

export interface CheckpointRecord {
  readonly type: 'checkpoint';
  readonly id: RecordId;
  readonly prev: Predecessor;
  readonly epoch: Epoch;
  readonly node: NodeId;
  /** Everything up to it may be trimmed. */
  readonly floor: Sequence;
  /** The highest snapshot revision that the trimming relies on. */
  readonly revision: Revision;
  /** Of some sessions whose snapshots were written lately: whoever stands at the same version compares. */
  readonly digests: readonly SessionDigest[];
  /** How this generation began; `undefined` in the first one. */
  readonly seeding: Seeding | undefined;
}

/**
 * The first record of every generation but the first: the sessions go on from this node's memory. It begins a term, in which nothing
 * happens before all of them are stored as snapshots and a `CHECKPOINT` says so.
 */
export interface SeedRecord extends Reach {
  readonly type: 'seed';
  readonly id: RecordId;
  readonly prev: Predecessor;
  readonly node: NodeId;
}

/** The last record of a generation that was found to be damaged: nothing behind it counts, the next generation goes on. */
export interface EndRecord {
  readonly type: 'end';
  readonly id: RecordId;
  readonly prev: Predecessor;
  readonly node: NodeId;
}

export type LogRecord = LeadRecord | CommitRecord | CheckpointRecord | SeedRecord | EndRecord;

const MAGIC = 0x54;
export const RECORD_FORMAT = 2;
/** The third byte of a `CHECKPOINT`. */
const CHECKPOINT = 3;
const KINDS = ['create', 'commit', 'touch', 'destroy', 'adopt', 'forget'] as const;
const RECORDS = ['lead', 'commit', 'checkpoint', 'seed', 'end'] as const;

/** Records are written one after the other, and too often for a buffer each. */
const SCRATCH_BYTES = 65_536;
let scratch = new ByteWriter(512);

export function encodeRecord(record: LogRecord): Uint8Array {
  // one giant must not be paid for ever after
  if (scratch.length > SCRATCH_BYTES) scratch = new ByteWriter(512);
  const out = scratch;
  out.reset();
  out.u8(MAGIC);
  out.u8(RECORD_FORMAT);
  out.u8(RECORDS.indexOf(record.type) + 1);
  out.string(record.id);
  out.varint(record.prev.sequence);
  out.string(record.prev.id);
  if (record.type === 'commit' || record.type === 'checkpoint') out.varint(record.epoch);
  out.string(record.node);
  if (record.type === 'commit') {
    out.u8(record.confirm ? 1 : 0);
    out.varint(record.entries.length);
    for (const entry of record.entries) writeEntry(out, entry);
  } else if (record.type === 'checkpoint') {
    out.varint(record.floor);
    out.varint(record.revision);
    out.varint(record.digests.length);
    for (const { session, incarnation, version: at, digest } of record.digests) {
      out.string(session);
      out.varint(incarnation);
      out.varint(at);
      out.u32(digest);
    }
    writeSeeding(out, record.seeding);
  } else if (record.type === 'seed') {
    out.varint(record.epoch);
    out.varint(record.position);
  }
  out.u32(crc32(out.view()));
  return out.finish();
}

/** About how many bytes an entry takes in a record; used to bound batches. */
export function entryBytes(entry: Entry): number {
  return entry.payload.byteLength + entry.session.length * 3 + entry.className.length * 3 + entry.op.client.length + 40;
}

/** @throws {TwinstateError} `BYTES_CORRUPT` or `FORMAT_UNSUPPORTED`; nothing else, whatever the bytes */
export function decodeRecord(bytes: Uint8Array): LogRecord {
  const whole = new ByteReader(bytes, 'record');
  if (bytes.byteLength < 8) whole.fail('at least 8 bytes', `${bytes.byteLength}`);
  const body = bytes.subarray(0, bytes.byteLength - 4);
  const tail = new ByteReader(bytes.subarray(bytes.byteLength - 4), 'record');
  const from = new ByteReader(body, 'record');
  const magic = from.u8();
  if (magic !== MAGIC) from.fail(`the magic byte ${MAGIC}`, `${magic}`);
  const checksum = tail.u32();
  const computed = crc32(body);
  if (checksum !== computed) from.fail(`the checksum ${computed}`, `${checksum}`);
  const format = from.u8();
  if (format !== RECORD_FORMAT) {
    throw new TwinstateError('FORMAT_UNSUPPORTED', 'this record was written by another release of Twinstate', {
      expected: `format ${RECORD_FORMAT}`,
      received: `format ${format}`,
      cure: 'run the same release on all nodes, or upgrade through one that reads both',
    });
  }
  const kind = from.u8();
  const id = from.string();
  const prev: Predecessor = { sequence: sequence(from.varint()), id: from.string() };
  const record =
    kind === 1
      ? readLead(from, id, prev)
      : kind === 2
        ? readCommit(from, id, prev)
        : kind === 3
          ? readCheckpoint(from, id, prev)
          : kind === 4
            ? readSeed(from, id, prev)
            : kind === 5
              ? ({ type: 'end', id, prev, node: nodeId(from.string()) } as const)
              : from.fail('kind 1 to 5', `${kind}`);
  from.end();
  return record;
}

function readLead(from: ByteReader, id: RecordId, prev: Predecessor): LeadRecord {
  return { type: 'lead', id, prev, node: nodeId(from.string()) };
}

function readSeed(from: ByteReader, id: RecordId, prev: Predecessor): SeedRecord {
  return { type: 'seed', id, prev, node: nodeId(from.string()), epoch: epoch(from.varint()), position: sequence(from.varint()) };
}

function readCommit(from: ByteReader, id: RecordId, prev: Predecessor): CommitRecord {
  const term = epoch(from.varint());
  const node = nodeId(from.string());
  const confirm = (from.u8() & 1) === 1;
  const count = from.count(8);
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) entries.push(readEntry(from));
  return { type: 'commit', id, prev, epoch: term, node, confirm, entries };
}

function readCheckpoint(from: ByteReader, id: RecordId, prev: Predecessor): CheckpointRecord {
  return {
    type: 'checkpoint',
    id,
    prev,
    epoch: epoch(from.varint()),
    node: nodeId(from.string()),
    floor: sequence(from.varint()),
    revision: revision(from.varint()),
    digests: Array.from({ length: from.count(7) }, () => ({
      session: sessionId(from.string()),
      incarnation: sequence(from.varint()),
      version: version(from.varint()),
      digest: from.u32(),
    })),
    seeding: readSeeding(from),
  };
}

function writeSeeding(out: ByteWriter, seeding: Seeding | undefined): void {
  out.varint(seeding?.at ?? 0);
  if (seeding === undefined) return;
  out.string(seeding.node);
  out.varint(seeding.epoch);
  out.varint(seeding.position);
}

function readSeeding(from: ByteReader): Seeding | undefined {
  const at = sequence(from.varint());
  if (at === 0) return undefined;
  return { at, node: nodeId(from.string()), epoch: epoch(from.varint()), position: sequence(from.varint()) };
}

function writeEntry(out: ByteWriter, entry: Entry): void {
  out.u8(KINDS.indexOf(entry.kind) + 1);
  out.string(entry.session);
  out.string(entry.op.client);
  out.varint(entry.op.counter);
  out.varint(entry.from);
  out.varint(entry.to - entry.from);
  out.varint(entry.incarnation);
  out.varint(Math.max(0, Math.floor(entry.atMs)));
  if (isWhole(entry.kind)) out.string(entry.className);
  if (entry.kind === 'create') writeLifetime(out, entry.lifetime ?? NO_LIFETIME);
  if (entry.kind === 'destroy') out.u8(END_REASONS.indexOf(entry.reason ?? 'destroyed') + 1);
  if (isWhole(entry.kind) || entry.kind === 'commit') out.bytes(entry.payload);
}

function readEntry(from: ByteReader): Entry {
  const code = from.u8();
  const kind = KINDS[code - 1] ?? from.fail('an entry of kind 1 to 6', `${code}`);
  const session = sessionId(from.string());
  const op: OpId = { client: from.string(), counter: from.varint() };
  const base = from.varint();
  const steps = from.varint();
  const expected = isStep(kind) ? 1 : 0;
  const leaps = kind === 'adopt' && steps > expected && Number.isSafeInteger(base + steps);
  if (steps !== expected && !leaps) from.fail(`a ${kind} of ${expected} versions`, `${steps}`);
  const incarnation = sequence(from.varint());
  const atMs = from.varint();
  const className = isWhole(kind) ? from.string() : '';
  const lifetime = kind === 'create' ? readLifetime(from) : NO_LIFETIME;
  const reason = kind === 'destroy' ? readReason(from) : 'destroyed';
  const payload = isWhole(kind) || kind === 'commit' ? from.bytes() : EMPTY_BYTES;
  const entry = { kind, session, op, from: version(base), to: version(base + steps), incarnation, atMs, className, payload };
  if (lifetime !== NO_LIFETIME) return { ...entry, lifetime };
  return reason === 'destroyed' ? entry : { ...entry, reason };
}

function readReason(from: ByteReader): EndReason {
  const code = from.u8();
  return END_REASONS[code - 1] ?? from.fail('a reason from 1 to 3', `${code}`);
}

/** It leads to another version. */
export function isStep(kind: EntryKind): boolean {
  return kind !== 'touch' && kind !== 'forget';
}

/** Its payload is a whole state. */
export function isWhole(kind: EntryKind): boolean {
  return kind === 'create' || kind === 'adopt';
}

/** The snapshot revision that the newest checkpoint relies on; 0 where there is none. */
export function newestCheckpoint(log: readonly Uint8Array[]): Revision {
  for (const bytes of log.toReversed()) {
    if (bytes[2] !== CHECKPOINT) continue;
    try {
      const record = decodeRecord(bytes);
      if (record.type === 'checkpoint') return record.revision;
    } catch {
      // a foreign record; `Ledger.apply` counts it
    }
  }
  return revision(0);
}
