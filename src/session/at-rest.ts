/**
 * A session without an open instance: bytes. A snapshot, and the deltas after it.
 *
 * Invariant: snapshot and deltas, applied in order, are the session at `version`. A delta is checked and kept, not applied, until
 * the deltas outgrow an eighth of the snapshot; then both become a new snapshot, so the work for each byte kept is bounded, and no
 * commit costs more than one encoding of its session. Some of the newest deltas stay beyond that, for those whose state is a few
 * versions old; a session at rest for long is settled, and then it is one snapshot.
 */
import { Graph } from '../diff/graph.js';
import { parseDelta } from '../diff/delta.js';
import { schemaSection } from '../diff/snapshot.js';
import { concatBytes, copyBytes } from '../shared/bytes.js';
import { version } from '../shared/ids.js';
import type { Version } from '../shared/ids.js';
import { ByteReader } from '../wire/reader.js';
import { ByteWriter } from '../wire/writer.js';

export interface KeptDelta {
  readonly version: Version;
  readonly delta: Uint8Array;
}

/** Deltas outgrow a snapshot at this part of it, or at `COMPACT_BYTES_MIN`, whichever is more. */
const COMPACT_SHARE = 1 / 8;
const COMPACT_BYTES_MIN = 512;
/** What a delta costs beside its bytes, about: so many of them are as good as an eighth, however small they are. */
const OPEN_DELTA_BYTES = 32;
/** Newest deltas kept for lagging bases after they were compacted: so many, and together no more bytes than this. */
export const HISTORY_DELTAS_MAX = 64;
const HISTORY_BYTES_MAX = 8_192;
const SCRATCH_BYTES = 4_096;

/** An `AtRest` as bytes. */
export interface PackedAtRest {
  /** The head of the snapshot with its schema: the same bytes for every session that the same model wrote. */
  readonly common: Uint8Array;
  readonly own: Uint8Array;
  /** One snapshot and nothing else. */
  readonly settled: boolean;
}

/** Sessions are packed one after the other, and too often for a buffer each. */
let scratch = new ByteWriter(SCRATCH_BYTES);

export class AtRest {
  #snapshot: Uint8Array;
  #snapshotVersion: Version;
  /** The newest deltas, oldest first; those behind `#snapshotVersion` are part of the state, the others history. */
  #deltas: KeptDelta[] = [];
  #openBytes = 0;
  #version: Version;

  private constructor(snapshot: Uint8Array, version: Version) {
    this.#snapshot = snapshot;
    this.#snapshotVersion = version;
    this.#version = version;
  }

  /** Keeps a snapshot. @throws {TwinstateError} `BYTES_CORRUPT` where it is none */
  static of(snapshot: Uint8Array, version: Version): AtRest {
    Graph.decode(snapshot);
    return new AtRest(snapshot, version);
  }

  /** Checks a create's snapshot or a commit's delta without keeping it. @throws {TwinstateError} `BYTES_CORRUPT` */
  static check(kind: 'create' | 'commit', payload: Uint8Array): void {
    if (kind === 'create') Graph.decode(payload);
    else parseDelta(payload);
  }

  /** What `pack` made, again. Both arrays are copied. */
  static unpack(common: Uint8Array, own: Uint8Array): AtRest {
    const from = new ByteReader(copyBytes(own), 'session at rest');
    const at = version(from.varint());
    const snapshotVersion = version(from.varint());
    const atRest = new AtRest(concatBytes(common, from.bytes()), snapshotVersion);
    atRest.#version = at;
    const count = from.count();
    for (let i = 0; i < count; i++) {
      const delta = from.bytes();
      const leadsTo = version(at - count + i + 1);
      atRest.#deltas.push({ version: leadsTo, delta });
      if (leadsTo > snapshotVersion) atRest.#openBytes += delta.byteLength;
    }
    return atRest;
  }

  get version(): Version {
    return this.#version;
  }

  /** Bytes held, history included. */
  get bytes(): number {
    let bytes = this.#snapshot.byteLength;
    for (const { delta } of this.#deltas) bytes += delta.byteLength;
    return bytes;
  }

  /** Keeps a delta that leads to `version`. @throws {TwinstateError} where it is malformed, or does not fit at compaction */
  append(delta: Uint8Array, version: Version): void {
    parseDelta(delta);
    this.#deltas.push({ version, delta });
    this.#version = version;
    this.#openBytes += delta.byteLength;
    const bytesMax = Math.max(COMPACT_BYTES_MIN, this.#snapshot.byteLength * COMPACT_SHARE);
    const openMax = Math.max(HISTORY_DELTAS_MAX, bytesMax / OPEN_DELTA_BYTES);
    if (this.#openBytes > bytesMax || version - this.#snapshotVersion > openMax) this.#compact();
  }

  /**
   * Its bytes in two parts, deltas included: version, the snapshot's version, the snapshot behind its schema, count of deltas, each.
   * The deltas' versions follow one another and end at the version. The arrays are valid until the next call of `pack`.
   */
  pack(): PackedAtRest {
    const { offset, lengthBytes } = schemaSection(this.#snapshot);
    // one giant must not be paid for ever after
    if (scratch.length > SCRATCH_BYTES * 16) scratch = new ByteWriter(SCRATCH_BYTES);
    const out = scratch;
    out.reset();
    out.varint(this.#version);
    out.varint(this.#snapshotVersion);
    out.bytes(this.#snapshot.subarray(offset + lengthBytes));
    out.varint(this.#deltas.length);
    for (const { delta } of this.#deltas) out.bytes(delta);
    return { common: this.#snapshot.subarray(0, offset + lengthBytes), own: out.view(), settled: this.#deltas.length === 0 };
  }

  /** Makes one snapshot of it; nothing is kept for those whose state is older. */
  settle(): void {
    this.#compact();
    this.#deltas = [];
  }

  /** The whole state as one snapshot. */
  snapshot(): Uint8Array {
    this.#compact();
    return this.#snapshot;
  }

  /** The newest state that was whole, whatever the deltas after it are. */
  salvage(): Uint8Array {
    return this.#snapshot;
  }

  /** The state as a graph of its own, at the newest version or with `pending` deltas on top. */
  graph(pending: readonly KeptDelta[] = []): Graph {
    const graph = Graph.decode(this.#snapshot);
    for (const { version, delta } of this.#deltas) if (version > this.#snapshotVersion) graph.apply(delta);
    for (const { delta } of pending) graph.apply(delta);
    return graph;
  }

  /** The deltas after `base`, oldest first; `undefined` where the history does not reach back so far. */
  since(base: Version): readonly KeptDelta[] | undefined {
    if (base > this.#version) return undefined;
    const missing = this.#version - base;
    if (missing > this.#deltas.length) return undefined;
    return missing === 0 ? [] : this.#deltas.slice(-missing);
  }

  #compact(): void {
    if (this.#snapshotVersion === this.#version) return;
    this.#snapshot = this.graph().encode();
    this.#snapshotVersion = this.#version;
    this.#openBytes = 0;
    this.#forget();
  }

  #forget(): void {
    let from = Math.max(0, this.#deltas.length - HISTORY_DELTAS_MAX);
    let bytes = 0;
    for (let i = this.#deltas.length - 1; i >= from; i--) {
      bytes += this.#deltas[i]!.delta.byteLength;
      if (bytes > HISTORY_BYTES_MAX) from = i + 1;
    }
    if (from > 0) this.#deltas = this.#deltas.slice(from);
  }
}
