/**
 * What a replica knows of one session: a header that the protocol reasons about, and a body that is bytes to it.
 *
 * Invariant: a header changes only in `applyEntry`, from an entry that the log has stored. The last operation of each client and
 * its result are part of it, so that every later primary knows what an earlier one has answered.
 */
import { copyBytes } from '../shared/bytes.js';
import type { TwinstateError } from '../shared/errors.js';
import { revision, sequence, version } from '../shared/ids.js';
import type { Revision, Sequence, SessionId, Version } from '../shared/ids.js';
import { ByteReader } from '../wire/reader.js';
import { ByteWriter } from '../wire/writer.js';
import { crc32 } from '../wire/checksum.js';
import { digestOf } from './drift.js';
import { END_REASONS, NO_LIFETIME, readLifetime, writeLifetime } from './lifetime.js';
import type { EndReason, Lifetime } from './lifetime.js';
import { isWithheld, otherFormat } from './other-release.js';
import type { Entry, OpId } from './record.js';

/** A delta with the version that it leads to. */
export interface VersionedDelta {
  readonly version: Version;
  readonly delta: Uint8Array;
}

export type MergeResult =
  /** What is to be stored: the very delta that was given, or what a rule made of it. */
  | { readonly merged: true; readonly delta: Uint8Array }
  /** The slots that both changed, as people write them, and what more there is to say. */
  | { readonly merged: false; readonly slots: readonly string[]; readonly why: string };

/** A body in two parts: what many of its class have alike, byte for byte, and its own. Valid until the next body is packed. */
export interface PackedBody {
  readonly common: Uint8Array;
  readonly own: Uint8Array;
  /** Settling it would change nothing. */
  readonly settled: boolean;
}

/** What the layer above knows of a session's bytes; handed in, so that the protocol needs no model. `B` is opaque here. */
export interface Bodies<B> {
  /** Checks a snapshot and keeps a copy. @throws {TwinstateError} where it is unreadable */
  create(snapshot: Uint8Array, at: Version): B;
  /** Checks that a create's snapshot or a commit's delta is well-formed, without a body. @throws {TwinstateError} */
  check(kind: 'create' | 'commit', payload: Uint8Array, className: string): void;
  /** Looks whether a body may become what a delta makes of it, behind `pending` ones. @throws {TwinstateError} `LIMIT_EXCEEDED` */
  hold(body: B, payload: Uint8Array, pending: readonly VersionedDelta[], className: string): void;
  /** Keeps a copy of a delta that leads to `at`. @param checked `check` has seen it. @throws {TwinstateError} where it cannot be */
  append(body: B, delta: Uint8Array, at: Version, checked: boolean): void;
  snapshot(body: B): Uint8Array;
  /** The newest whole state of a body that can be read, where the body itself cannot. */
  salvage(body: B): Uint8Array;
  /** Makes one snapshot of it and gives up the deltas that only lagging bases need. */
  settle(body: B): void;
  /** The body as bytes, for as long as nobody uses it. */
  pack(body: B): PackedBody;
  /** Keeps neither of the two arrays. */
  unpack(common: Uint8Array, own: Uint8Array): B;
  /** The deltas after `base`, oldest first; `undefined` where the history does not reach back so far. */
  since(body: B, base: Version): readonly VersionedDelta[] | undefined;
  /** Says whether a delta made at `base` can follow the body and the `pending` deltas that are being stored, and as what. */
  merge(body: B, pending: readonly VersionedDelta[], base: Version, delta: Uint8Array): MergeResult;
}

/** The result of a client's last operation on a session. */
export interface LastOp {
  readonly counter: number;
  readonly version: Version;
}

/** How many clients' last operations a session remembers; the least recently active is forgotten first. */
export const CLIENTS_MAX = 64;

export interface SessionHeader {
  readonly id: SessionId;
  className: string;
  version: Version;
  incarnation: Sequence;
  /** Destroyed or expired; the header stays as a tombstone. */
  dead: boolean;
  /** Why it is dead; `undefined` where it lives or never did. */
  ended: EndReason | undefined;
  lifetime: Lifetime;
  createdAtMs: number;
  touchedAtMs: number;
  /** By client, least recently active first. */
  ops: Map<string, LastOp>;
}

/** Where a session stands between the log and the stored snapshots. */
export interface Standing {
  /** The sequence of its last change. */
  readonly sequence: Sequence;
  /** Of the stored snapshot; `undefined` until it was looked up. */
  revision: Revision | undefined;
}

export interface SessionState<B> extends SessionHeader, Standing {
  sequence: Sequence;
  /** Somebody asked for it since `SessionTable` last looked. */
  recent: boolean;
  body: B | undefined;
  /** Passivated: it lives, and its body is in a stored snapshot only. */
  passive: boolean;
  /** Why it is not served: its bytes could not be read. */
  quarantine: TwinstateError | undefined;
  /** Of a quarantined one: the last state that could be read, where there was one. */
  salvaged: Uint8Array | undefined;
}

export function freshState<B>(id: SessionId): SessionState<B> {
  return {
    id,
    className: '',
    version: version(0),
    incarnation: sequence(0),
    dead: true,
    ended: undefined,
    lifetime: NO_LIFETIME,
    createdAtMs: 0,
    touchedAtMs: 0,
    ops: new Map(),
    sequence: sequence(0),
    revision: undefined,
    recent: false,
    body: undefined,
    passive: false,
    quarantine: undefined,
    salvaged: undefined,
  };
}

export function copyHeader(header: SessionHeader): SessionHeader {
  const { id, className, version: at, incarnation, dead, ended, lifetime, createdAtMs, touchedAtMs, ops } = header;
  return { id, className, version: at, incarnation, dead, ended, lifetime, createdAtMs, touchedAtMs, ops: new Map(ops) };
}

/** Applies an entry to a header: the only place where one changes. `at` is the record's sequence, 0 while it is not known. */
export function applyEntry(header: SessionHeader, entry: Entry, at: Sequence): void {
  if (entry.kind === 'create') {
    header.incarnation = at;
    header.className = entry.className;
    header.dead = false;
    header.ended = undefined;
    header.lifetime = entry.lifetime ?? NO_LIFETIME;
    header.createdAtMs = entry.atMs;
  } else if (entry.kind === 'adopt') {
    header.incarnation = entry.incarnation;
    header.className = entry.className;
    header.dead = false;
    header.ended = undefined;
  } else if (entry.kind === 'destroy') {
    header.dead = true;
    header.ended = entry.reason ?? 'destroyed';
  }
  header.version = entry.to;
  header.touchedAtMs = Math.max(header.touchedAtMs, entry.atMs);
  // to touch twice is to touch once: nobody's commit is forgotten for it; and what the primary does by itself nobody asks for again
  if (entry.kind === 'touch' || entry.op.client === '') return;
  const { ops } = header;
  // the only one is the most recent one already
  if (ops.size > 1) ops.delete(entry.op.client);
  ops.set(entry.op.client, { counter: entry.op.counter, version: entry.to });
  if (ops.size > CLIENTS_MAX) ops.delete(ops.keys().next().value!);
}

/** Takes a header over as somebody remembers it, with what its clients did last, so that nothing is done twice. */
export function adoptHeader(header: SessionHeader, remembered: SessionHeader): void {
  for (const [client, op] of remembered.ops) if (!header.ops.has(client)) header.ops.set(client, op);
  header.dead = remembered.dead;
  header.ended = remembered.ended;
  header.lifetime = remembered.lifetime;
  header.createdAtMs = remembered.createdAtMs;
  header.touchedAtMs = Math.max(header.touchedAtMs, remembered.touchedAtMs);
}

/** Says whether it is the tombstone of that version, as far as can be known here: what another release has stored may be. */
export function mayBeTombstone<B>({ dead, version: at, quarantine }: SessionState<B>, of: Version): boolean {
  return dead ? at === of : isWithheld(quarantine);
}

/** What became of an operation: its result, that it is older than the client's last one, or that it was never seen. */
export function findOp(header: SessionHeader, op: OpId): LastOp | 'overtaken' | undefined {
  const last = header.ops.get(op.client);
  if (last === undefined || last.counter < op.counter) return undefined;
  return last.counter === op.counter ? last : 'overtaken';
}

/**
 * Says whether an operation of this client that was stored behind `base` may have been forgotten: then one that comes again cannot be
 * told from a new one. Whoever is forgotten was active before all who are remembered.
 */
export function mayBeForgotten(header: SessionHeader, { client }: OpId, base: Version): boolean {
  if (header.ops.size < CLIENTS_MAX || header.ops.has(client)) return false;
  const [oldest] = header.ops.values();
  return oldest !== undefined && base + 1 < oldest.version;
}

/** A snapshot as it is stored: a header, the sequence up to which it is true, and the body's bytes (none in a tombstone). */
export interface StoredSession {
  readonly header: SessionHeader;
  /** The sequence of the session's last change. */
  readonly sequence: Sequence;
  /** Every record up to it is contained. */
  readonly trueUpTo: Sequence;
  readonly snapshot: Uint8Array;
  /** Of the snapshot, as the writer's memory had it; see `digestOf`. */
  readonly digest: number;
  /** Why it is not served; the snapshot is the last state that could be read then, older than the version says. */
  readonly quarantine?: string | undefined;
}

/** What a stored session begins with, whatever release wrote it. */
export const STORED_MAGIC = 0x53;
const FORMAT = 3;
const DEAD = 1;
const QUARANTINED = 2;
/** What a dead one's flags say of its end: its number, from 0, at these bits. */
const END_SHIFT = 2;

/**
 * Bytes of a stored session: magic `0x53`, format, sequence, true up to, id, class, version, incarnation, flags (1 dead,
 * 2 quarantined, 4 ended idle, 8 ended by age), ttl ms, max age ms, created ms, touched ms, count of clients with name, counter,
 * version each, digest (u32), snapshot bytes, for a quarantined one the reason, CRC-32. What comes before the id, and the CRC-32, stays
 * where it is in every release: `foreignStanding` reads it of them all.
 */
export function encodeStored(stored: StoredSession): Uint8Array {
  const out = new ByteWriter(stored.snapshot.byteLength + 256);
  const { header } = stored;
  out.u8(STORED_MAGIC);
  out.u8(FORMAT);
  out.varint(stored.sequence);
  out.varint(stored.trueUpTo);
  out.string(header.id);
  out.string(header.className);
  out.varint(header.version);
  out.varint(header.incarnation);
  const end = header.dead ? DEAD | (END_REASONS.indexOf(header.ended ?? 'destroyed') << END_SHIFT) : 0;
  out.u8(end | (stored.quarantine === undefined ? 0 : QUARANTINED));
  writeLifetime(out, header.lifetime);
  out.varint(Math.floor(header.createdAtMs));
  out.varint(Math.floor(header.touchedAtMs));
  out.varint(header.ops.size);
  for (const [client, op] of header.ops) {
    out.string(client);
    out.varint(op.counter);
    out.varint(op.version);
  }
  out.u32(stored.digest);
  out.bytes(stored.snapshot);
  if (stored.quarantine !== undefined) out.string(stored.quarantine);
  out.u32(crc32(out.view()));
  return out.finish();
}

/** @throws {TwinstateError} `BYTES_CORRUPT`, or `FORMAT_UNSUPPORTED` where another release wrote them; nothing else, whatever the bytes */
export function decodeStored(bytes: Uint8Array): StoredSession {
  const from = new ByteReader(bytes.subarray(0, Math.max(0, bytes.byteLength - 4)), 'stored session');
  const tail = new ByteReader(bytes.subarray(Math.max(0, bytes.byteLength - 4)), 'stored session');
  const checksum = tail.u32();
  const computed = crc32(bytes.subarray(0, bytes.byteLength - 4));
  if (checksum !== computed) from.fail(`the checksum ${computed}`, `${checksum}`);
  const magic = from.u8();
  const format = from.u8();
  if (magic !== STORED_MAGIC) from.fail(`the magic byte ${STORED_MAGIC}`, `${magic}`);
  if (format !== FORMAT) throw otherFormat('this stored session', FORMAT, format);
  const lastChange = sequence(from.varint());
  const trueUpTo = sequence(from.varint());
  const id = from.string() as SessionId;
  const className = from.string();
  const at = version(from.varint());
  const incarnation = sequence(from.varint());
  const flags = from.u8();
  const dead = (flags & DEAD) !== 0;
  const ended = dead ? (END_REASONS[flags >> END_SHIFT] ?? from.fail('an end from 0 to 2', `${flags >> END_SHIFT}`)) : undefined;
  const lifetime = readLifetime(from);
  const createdAtMs = from.varint();
  const touchedAtMs = from.varint();
  const count = from.count(3);
  const ops = new Map<string, LastOp>();
  for (let i = 0; i < count; i++) ops.set(from.string(), { counter: from.varint(), version: version(from.varint()) });
  const digest = from.u32();
  const snapshot = copyBytes(from.bytes());
  if (digestOf(snapshot) !== digest) from.fail(`a state with the digest ${digest}`, `${digestOf(snapshot)}`);
  const quarantine = (flags & QUARANTINED) === 0 ? undefined : from.string();
  from.end();
  return {
    header: { id, className, version: at, incarnation, dead, ended, lifetime, createdAtMs, touchedAtMs, ops },
    sequence: lastChange,
    trueUpTo,
    snapshot,
    digest,
    quarantine,
  };
}

/** The revision that stands for "no snapshot stored yet". */
export const ABSENT: Revision = revision(0);
