/**
 * Sessions that nobody uses now, each as one packed record in the slabs.
 *
 * Invariant: a session that is put comes back equal when it is taken, or as a `DriftError` where its bytes were damaged meanwhile:
 * every record carries a checksum of all that does not change in place.
 *
 * Bytes of a record, behind the slab's frame, little endian: at 8 f64 revision (-1: not known), which is changed in place; at 16
 * the CRC-32 of all that follows; at 20 u32 kind, at 24 f64 sequence, at 32 f64 touched ms, at 40 flags (1 dead, 2 has a body, 4
 * ended idle, 8 ended by age, 16 passivated), then id, version, incarnation, ms from its create to its last use, count of clients
 * with name, counter, version each, the body's own bytes, and zeros up to a multiple of 8.
 */
import type { Revision, Sequence, SessionId } from '../shared/ids.js';
import { revision, sequence, sessionId, version } from '../shared/ids.js';
import { hash32 } from '../shared/bytes.js';
import { crc32 } from '../wire/checksum.js';
import { ByteReader } from '../wire/reader.js';
import { ByteWriter } from '../wire/writer.js';
import { AddressTable } from './address-table.js';
import { DriftError } from './drift.js';
import type { Living } from './expiry.js';
import type { EndReason } from './lifetime.js';
import { SessionKinds } from './session-kinds.js';
import type { Bodies, SessionState, Standing } from './session-state.js';
import { freshState } from './session-state.js';
import { SlabStore } from './slab-store.js';
import type { Address, WalkPosition } from './slab-store.js';

const REVISION = 8;
const CHECKSUM = 16;
const KIND = 20;
const SEQUENCE = 24;
const TOUCHED = 32;
const FLAGS = 40;
const ID = 41;
const DEAD = 1;
const HAS_BODY = 2;
const PASSIVE = 16;
const ENDED: Readonly<Record<EndReason, number>> = { destroyed: 0, idle: 4, age: 8 };
const PADDING = new Uint8Array(8);
const SCRATCH_BYTES = 4_096;

export class ColdSessions<B> {
  readonly #bodies: Bodies<B>;
  readonly #index = new AddressTable();
  readonly #slabs = new SlabStore((hash, from, to) => this.#index.move(hash, from, to));
  readonly #kinds = new SessionKinds();
  readonly #walk: WalkPosition = { slab: 0, offset: 0, of: undefined };
  readonly #unusedWalk: WalkPosition = { slab: 0, offset: 0, of: undefined };
  readonly #tombstoneWalk: WalkPosition = { slab: 0, offset: 0, of: undefined };
  #scratch = new ByteWriter(SCRATCH_BYTES);
  readonly #key = new ByteWriter();

  constructor(bodies: Bodies<B>) {
    this.#bodies = bodies;
  }

  get size(): number {
    return this.#index.size;
  }

  /** Bytes of what is here, and for finding it: less than `bytes` by what was freed and is not given back yet. */
  get liveBytes(): number {
    return this.#slabs.liveBytes + this.#index.bytes;
  }

  /** Bytes reserved for records and for finding them. */
  get bytes(): number {
    return this.#slabs.reservedBytes + this.#index.bytes;
  }

  /** How many classes, and models of them, these sessions are of. */
  get kinds(): number {
    return this.#kinds.size;
  }

  has(id: SessionId): boolean {
    return this.#find(id) !== 0;
  }

  /** Takes a session in that is not here. @param used just now: `unused` passes over it once */
  put(state: SessionState<B>, used = false): void {
    this.#put(state, true, used);
  }

  #put(state: SessionState<B>, canSettle: boolean, used: boolean): void {
    const packed = state.body === undefined ? undefined : this.#bodies.pack(state.body);
    const out = this.#scratch;
    out.reset();
    out.f64(0);
    out.f64(state.revision ?? -1);
    out.u32(0);
    out.u32(this.#kinds.hold(state.className, state.lifetime, packed?.common ?? NOTHING));
    out.f64(state.sequence);
    out.f64(state.touchedAtMs);
    out.u8(
      (state.dead ? DEAD | ENDED[state.ended ?? 'destroyed'] : 0) |
        (packed === undefined ? 0 : HAS_BODY) |
        (state.passive ? PASSIVE : 0),
    );
    out.string(state.id);
    out.varint(state.version);
    out.varint(state.incarnation);
    out.varint(Math.max(0, Math.floor(state.touchedAtMs - state.createdAtMs)));
    out.varint(state.ops.size);
    for (const [client, op] of state.ops) {
      out.string(client);
      out.varint(op.counter);
      out.varint(op.version);
    }
    out.bytes(packed?.own ?? NOTHING);
    out.raw(PADDING.subarray(0, (8 - (out.length % 8)) % 8));
    const record = out.view();
    viewOf(record).setUint32(CHECKSUM, crc32(record.subarray(KIND)), true);
    const hash = hash32(state.id);
    this.#index.insert(hash, this.#slabs.append(record, hash, canSettle && packed?.settled === false, used));
    this.#slabs.tidy(record.byteLength);
    // one giant must not be paid for ever after
    if (record.byteLength > SCRATCH_BYTES * 16) this.#scratch = new ByteWriter(SCRATCH_BYTES);
  }

  /** Hands a session out; it is no longer here. @throws {DriftError} where its bytes are damaged; then it stays */
  take(id: SessionId): SessionState<B> | undefined {
    const address = this.#find(id);
    if (address === 0) return undefined;
    const state = this.#read(address, id);
    this.#remove(address);
    return state;
  }

  /** Its standing, to be read and changed in place; valid until the next call. */
  standing(id: SessionId): Standing | undefined {
    const address = this.#find(id);
    return address === 0 ? undefined : new ColdStanding(viewOf(this.#slabs.at(address)));
  }

  /** A view of a session's record in place, frame included: for tests, and for whoever must look at memory itself. */
  record(id: SessionId): Uint8Array | undefined {
    const address = this.#find(id);
    return address === 0 ? undefined : this.#slabs.at(address);
  }

  /** Copies of all sessions. Nothing may be put or taken meanwhile. @throws {DriftError} */
  *states(): IterableIterator<SessionState<B>> {
    for (const address of this.#slabs.addresses()) yield this.#read(address, undefined);
  }

  /** The ids of the living sessions of a class. Nothing may be put or taken meanwhile. */
  *idsOf(className: string): IterableIterator<SessionId> {
    for (const address of this.#slabs.addresses()) {
      const record = this.#slabs.at(address);
      if ((record[FLAGS]! & DEAD) !== 0) continue;
      if (this.#kinds.of(viewOf(record).getUint32(KIND, true))?.className === className) yield idOf(record);
    }
  }

  /** Tells each living session of this hash. Nothing may be put or taken meanwhile. */
  lookAt(hash: number, look: (session: Living) => void): void {
    this.#index.find(hash, (address) => {
      const record = this.#slabs.at(address);
      const view = viewOf(record);
      const kind = this.#kinds.of(view.getUint32(KIND, true));
      if (kind === undefined || (record[FLAGS]! & DEAD) !== 0) return false;
      const from = new ByteReader(record.subarray(ID), 'session at rest');
      const id = readId(from, undefined);
      from.varint();
      const incarnation = sequence(from.varint());
      const touchedAtMs = view.getFloat64(TOUCHED, true);
      const createdAtMs = touchedAtMs - from.varint();
      const changed = sequence(view.getFloat64(SEQUENCE, true));
      look({ id, lifetime: kind.lifetime, touchedAtMs, createdAtMs, incarnation, sequence: changed });
      return false;
    });
  }

  /** Looks at up to `steps` records for tombstones of sessions that were destroyed before `beforeMs`, a wall clock's time. */
  oldTombstones(beforeMs: number, steps: number): SessionId[] {
    const found: SessionId[] = [];
    this.#slabs.walk(this.#tombstoneWalk, steps, 'all', (address) => {
      const record = this.#slabs.at(address);
      if ((record[FLAGS]! & DEAD) !== 0 && viewOf(record).getFloat64(TOUCHED, true) < beforeMs) found.push(idOf(record));
    });
    return found;
  }

  /**
   * Looks at up to `steps` records for living sessions that were not used since this looked at them last.
   * @param which only those without a history, or all
   */
  unused(steps: number, which: 'settled' | 'all'): SessionId[] {
    const found: SessionId[] = [];
    // of few ones none is met twice
    this.#slabs.walk(this.#unusedWalk, Math.min(steps, this.size), 'all', (address) => {
      const record = this.#slabs.at(address);
      if ((record[FLAGS]! & HAS_BODY) === 0 || this.#slabs.takeSpared(address)) return;
      if (which === 'all' || !this.#slabs.isMarked(address)) found.push(idOf(record));
    });
    return found;
  }

  /** Moves up to a dozen times so many bytes together, so that what was freed is given back. */
  tidy(bytes: number): void {
    this.#slabs.tidy(bytes);
  }

  /** Looks at up to `steps` records and settles the bodies of those that were not touched since `beforeMs`, a wall clock's time. */
  settle(beforeMs: number, steps: number): void {
    this.#slabs.walk(this.#walk, steps, 'marked', (address) => {
      if (viewOf(this.#slabs.at(address)).getFloat64(TOUCHED, true) > beforeMs) return;
      const state = this.#read(address, undefined);
      let settled = true;
      try {
        this.#bodies.settle(state.body!);
      } catch {
        // a poison delta: whoever opens the session is told so; here it is only left as it is
        settled = false;
      }
      const used = this.#slabs.takeSpared(address);
      this.#remove(address);
      this.#put(state, settled, used);
    });
  }

  /** @throws {DriftError} */
  #find(id: SessionId): Address {
    this.#key.reset();
    this.#key.string(id);
    const key = this.#key.view();
    return this.#index.find(hash32(id), (address) => {
      if (this.#slabs.startsWith(address, ID, key)) return true;
      // two ids of one hash are rarer than a damaged one, of which nobody may be told that it is not here
      this.#check(address, id);
      return false;
    });
  }

  #remove(address: Address): void {
    this.#kinds.release(viewOf(this.#slabs.at(address)).getUint32(KIND, true));
    this.#index.remove(this.#slabs.hashOf(address), address);
    this.#slabs.free(address);
  }

  /** @throws {DriftError} where the record's bytes are not what they were; `id` is the one that was looked for */
  #check(address: Address, id: SessionId | undefined): void {
    const record = this.#slabs.at(address);
    const checksum = viewOf(record).getUint32(CHECKSUM, true);
    const computed = crc32(record.subarray(KIND));
    if (checksum !== computed) throw new DriftError(id ?? idOf(record), `bytes with the checksum ${checksum}`, `${computed}`);
  }

  #read(address: Address, id: SessionId | undefined): SessionState<B> {
    const record = this.#slabs.at(address);
    const view = viewOf(record);
    this.#check(address, id);
    const kind = this.#kinds.of(view.getUint32(KIND, true))!;
    const from = new ByteReader(record.subarray(ID), 'session at rest');
    const state = freshState<B>(readId(from, id));
    const flags = record[FLAGS]!;
    state.className = kind.className;
    state.lifetime = kind.lifetime;
    state.dead = (flags & DEAD) !== 0;
    state.passive = (flags & PASSIVE) !== 0;
    state.ended = state.dead ? endedOf(flags) : undefined;
    state.version = version(from.varint());
    state.incarnation = sequence(from.varint());
    state.touchedAtMs = view.getFloat64(TOUCHED, true);
    state.createdAtMs = state.touchedAtMs - from.varint();
    for (let count = from.count(3); count > 0; count--) {
      state.ops.set(from.string(), { counter: from.varint(), version: version(from.varint()) });
    }
    const standing = new ColdStanding(view);
    state.sequence = standing.sequence;
    state.revision = standing.revision;
    if ((flags & HAS_BODY) !== 0) state.body = this.#bodies.unpack(kind.common, from.bytes());
    return state;
  }
}

const NOTHING = new Uint8Array(0);

function endedOf(flags: number): EndReason {
  return (flags & ENDED.idle) !== 0 ? 'idle' : (flags & ENDED.age) !== 0 ? 'age' : 'destroyed';
}

class ColdStanding implements Standing {
  readonly #view: DataView;

  constructor(view: DataView) {
    this.#view = view;
  }

  get sequence(): Sequence {
    return sequence(this.#view.getFloat64(SEQUENCE, true));
  }

  get revision(): Revision | undefined {
    const value = this.#view.getFloat64(REVISION, true);
    return value < 0 ? undefined : revision(value);
  }

  set revision(value: Revision | undefined) {
    this.#view.setFloat64(REVISION, value ?? -1, true);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Reads a record's id; the one that it was found by is the same, and is shared instead of made anew. */
function readId(from: ByteReader, known: SessionId | undefined): SessionId {
  if (known === undefined) return sessionId(from.string());
  from.bytes();
  return known;
}

/** Whatever the bytes are: they may be damaged. */
function idOf(record: Uint8Array): SessionId {
  const lengthBytes = record[ID]! < 0x80 ? record[ID]! : (record[ID]! & 0x7f) + record[ID + 1]! * 0x80;
  const start = record[ID]! < 0x80 ? ID + 1 : ID + 2;
  return sessionId(Buffer.from(record.subarray(start, start + lengthBytes)).toString());
}
