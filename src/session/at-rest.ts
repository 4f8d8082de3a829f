/**
 * A session without an open instance: bytes. A snapshot, and the deltas after it.
 *
 * Invariant: snapshot and deltas, applied in order, are the session at `version`, and so is every version between: the snapshot
 * stands at the oldest state that a commit may still be based on, because a merge by rule wants to know what that state was. A delta
 * is checked and kept, not applied, until those behind the history outgrow an eighth of the snapshot; then they become part of it, so
 * the work for each byte kept is bounded, and no commit costs more than one encoding of its session. A session at rest for long is
 * settled, and then it is one snapshot.
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

/** Deltas behind the history outgrow a snapshot at this part of it, or at `COMPACT_BYTES_MIN`, whichever is more. */
const COMPACT_SHARE = 1 / 8;
const COMPACT_BYTES_MIN = 512;
/** What a delta costs beside its bytes, about: so many of them are as good as an eighth, however small they are. */
const OPEN_DELTA_BYTES = 32;
/** The history, which is kept for bases that lag: the newest deltas, so many, and together no more bytes than this. */
export const HISTORY_DELTAS_MAX = 256;
export const HISTORY_BYTES_MAX = 16_384;
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
  /** All deltas behind `#snapshotVersion`, oldest first. */
  #deltas: KeptDelta[] = [];
  /** The first of the deltas that are history; those before it are about to become part of the snapshot. */
  #historyFrom = 0;
  #historyBytes = 0;
  #openBytes = 0;
  #version: Version;
  /** The last whole state that somebody asked for, because the next one asks for a newer one. */
  #newest: { readonly snapshot: Uint8Array; readonly version: Version } | undefined;

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

  /** Keeps a snapshot that was just made here, unchecked. */
  static trusted(snapshot: Uint8Array, version: Version): AtRest {
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
      atRest.#push({ version: leadsTo, delta });
    }
    return atRest;
  }

  get version(): Version {
    return this.#version;
  }

  /** Bytes held, history included. */
  get bytes(): number {
    let bytes = this.#snapshot.byteLength + (this.#newest?.snapshot.byteLength ?? 0);
    for (const { delta } of this.#deltas) bytes += delta.byteLength;
    return bytes;
  }

  /** Keeps a delta that leads to `version`. @throws {TwinstateError} where it is malformed, or does not fit at compaction */
  append(delta: Uint8Array, version: Version): void {
    parseDelta(delta);
    this.#push({ version, delta });
    this.#version = version;
    const bytesMax = Math.max(COMPACT_BYTES_MIN, this.#snapshot.byteLength * COMPACT_SHARE);
    const openMax = Math.max(HISTORY_DELTAS_MAX, bytesMax / OPEN_DELTA_BYTES);
    if (this.#openBytes > bytesMax || this.#historyFrom > openMax) this.#compact(this.#historyFrom);
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
    this.#snapshot = this.snapshot();
    this.#snapshotVersion = this.#version;
    this.#newest = undefined;
    this.#deltas = [];
    this.#historyFrom = this.#historyBytes = this.#openBytes = 0;
  }

  /** The whole state as one snapshot. */
  snapshot(): Uint8Array {
    if (this.#deltas.length === 0) return this.#snapshot;
    if (this.#newest?.version !== this.#version) this.#newest = { snapshot: this.graph().encode(), version: this.#version };
    return this.#newest.snapshot;
  }

  /** The newest state that was whole, whatever the deltas after it are. */
  salvage(): Uint8Array {
    return this.#snapshot;
  }

  /** The state as a graph of its own, at the newest version or with `pending` deltas on top. */
  graph(pending: readonly KeptDelta[] = []): Graph {
    const { snapshot, version: from } = this.#newest ?? { snapshot: this.#snapshot, version: this.#snapshotVersion };
    const graph = Graph.decode(snapshot);
    for (const { version, delta } of this.#deltas) if (version > from) graph.apply(delta);
    for (const { delta } of pending) graph.apply(delta);
    return graph;
  }

  /** The state as it was at a version that `since` knows, as a graph of its own. */
  graphAt(at: Version): Graph {
    const graph = Graph.decode(this.#snapshot);
    for (const { version, delta } of this.#deltas) if (version <= at) graph.apply(delta);
    return graph;
  }

  /** The deltas after `base`, oldest first; `undefined` where the history does not reach back so far. */
  since(base: Version): readonly KeptDelta[] | undefined {
    if (base > this.#version) return undefined;
    const missing = this.#version - base;
    if (missing > this.#deltas.length) return undefined;
    return missing === 0 ? [] : this.#deltas.slice(-missing);
  }

  #push(kept: KeptDelta): void {
    this.#deltas.push(kept);
    this.#historyBytes += kept.delta.byteLength;
    while (this.#deltas.length - this.#historyFrom > HISTORY_DELTAS_MAX || this.#historyBytes > HISTORY_BYTES_MAX) {
      const { byteLength } = this.#deltas[this.#historyFrom++]!.delta;
      this.#historyBytes -= byteLength;
      this.#openBytes += byteLength;
    }
  }

  /** Makes the first `count` deltas part of the snapshot. */
  #compact(count: number): void {
    const version = this.#deltas[count - 1]!.version;
    this.#snapshot = (version === this.#version ? this.graph() : this.graphAt(version)).encode();
    this.#snapshotVersion = version;
    this.#deltas = this.#deltas.slice(count);
    this.#historyFrom = this.#openBytes = 0;
    if (this.#newest !== undefined && this.#newest.version <= version) this.#newest = undefined;
  }
}
