/**
 * A session without an open instance: bytes. A snapshot, and the deltas after it.
 *
 * Invariant: snapshot and deltas, applied in order, are the session at `version`, and so is every version between: the snapshot
 * stands at the oldest state that a commit may still be based on, because a merge by rule wants to know what that state was. A delta
 * is checked and kept, not applied. Those behind the history become part of the snapshot when they outgrow half of it, so that a
 * commit costs a few bytes' encoding however large its session is; a session that is packed away gives up what outgrows an eighth,
 * and one at rest for long is settled: then it is one snapshot.
 */
import { Graph } from '../diff/graph.js';
import { parseDelta } from '../diff/delta.js';
import { schemaSection } from '../diff/snapshot.js';
import { concatBytes, copyBytes } from '../shared/bytes.js';
import { version } from '../shared/ids.js';
import type { Version } from '../shared/ids.js';
import { invariant } from '../shared/invariant.js';
import { holdLimit } from '../wire/limits.js';
import type { Limits } from '../wire/limits.js';
import { ByteReader } from '../wire/reader.js';
import { ByteWriter } from '../wire/writer.js';
import { DeltaLog } from './delta-log.js';

export interface KeptDelta {
  readonly version: Version;
  readonly delta: Uint8Array;
}

/** Deltas behind the history outgrow a snapshot at a part of it or at so many bytes, whichever is more. */
interface Outgrown {
  readonly share: number;
  readonly bytesMin: number;
}
/** In use it is met again at once, and to compact it costs its whole state; packed away it may be one of a million. */
const IN_USE: Outgrown = { share: 1 / 2, bytesMin: 2_048 };
const PACKED: Outgrown = { share: 1 / 8, bytesMin: 512 };
/** What a delta costs an opening beside its bytes, about: so many of them outgrow as bytes do, however small they are. */
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
  /** All deltas behind `#snapshotVersion`, oldest first: each leads to the next version. */
  #deltas = DeltaLog.empty();
  /** The first of the deltas that are history; those before it are about to become part of the snapshot. */
  #historyFrom = 0;
  #version: Version;
  /** The last whole state that somebody asked for, because the next one asks for a newer one. */
  #newest: { readonly snapshot: Uint8Array; readonly version: Version } | undefined;

  private constructor(snapshot: Uint8Array, version: Version) {
    this.#snapshot = snapshot;
    this.#snapshotVersion = version;
    this.#version = version;
  }

  /** Keeps a copy of a snapshot. @throws {TwinstateError} `BYTES_CORRUPT` where it is none */
  static of(snapshot: Uint8Array, version: Version): AtRest {
    Graph.decode(snapshot);
    return new AtRest(copyBytes(snapshot), version);
  }

  /** Keeps a snapshot that was just made here, unchecked. */
  static trusted(snapshot: Uint8Array, version: Version): AtRest {
    return new AtRest(snapshot, version);
  }

  /** Checks a create's snapshot or a commit's delta without keeping it. @throws {TwinstateError} `BYTES_CORRUPT`, `LIMIT_EXCEEDED` */
  static check(kind: 'create' | 'commit', payload: Uint8Array, limits?: Limits): void {
    if (kind === 'create') Graph.decode(payload, limits);
    else parseDelta(payload, limits);
  }

  /** What `pack` made, again. Both arrays are copied. */
  static unpack(common: Uint8Array, own: Uint8Array): AtRest {
    const from = new ByteReader(own, 'session at rest');
    const at = version(from.varint());
    const snapshotVersion = version(from.varint());
    const atRest = new AtRest(concatBytes(common, from.bytes()), snapshotVersion);
    atRest.#version = at;
    const count = from.count();
    if (count === 0) return atRest;
    const lengths: number[] = [];
    for (let i = 0; i < count; i++) lengths.push(from.varint());
    atRest.#deltas = DeltaLog.of(lengths, from.bytes());
    atRest.#moveHistory();
    return atRest;
  }

  get version(): Version {
    return this.#version;
  }

  /** Bytes held, history included. */
  get bytes(): number {
    return this.#snapshot.byteLength + (this.#newest?.snapshot.byteLength ?? 0) + this.#deltas.byteLength;
  }

  /**
   * Keeps a copy of a delta that leads to the next version.
   *
   * @param checked `check` has seen it
   * @throws {TwinstateError} where it is malformed, or does not fit at compaction
   */
  append(delta: Uint8Array, at: Version, checked = false): void {
    invariant(at === this.#version + 1, 'a delta leads to the next version');
    if (!checked) parseDelta(delta);
    this.#deltas.push(delta);
    this.#version = at;
    this.#moveHistory();
    if (this.#outgrown(IN_USE)) this.#compact(this.#historyFrom);
  }

  /**
   * Its bytes in two parts, deltas included: version, the snapshot's version, the snapshot behind its schema, count of deltas, and
   * where there are any the length of each and the bytes of all. They end at the version. The arrays are valid until the next call
   * of `pack`.
   */
  pack(): PackedAtRest {
    if (this.#outgrown(PACKED)) this.#tryCompact();
    const { offset, lengthBytes } = schemaSection(this.#snapshot);
    // one giant must not be paid for ever after
    if (scratch.length > SCRATCH_BYTES * 16) scratch = new ByteWriter(SCRATCH_BYTES);
    const out = scratch;
    const { count } = this.#deltas;
    out.reset();
    out.varint(this.#version);
    out.varint(this.#snapshotVersion);
    out.bytes(this.#snapshot.subarray(offset + lengthBytes));
    out.varint(count);
    for (let i = 0; i < count; i++) out.varint(this.#deltas.at(i).byteLength);
    if (count > 0) out.bytes(this.#deltas.all());
    return { common: this.#snapshot.subarray(0, offset + lengthBytes), own: out.view(), settled: count === 0 };
  }

  /** Makes one snapshot of it; nothing is kept for those whose state is older. */
  settle(): void {
    this.#snapshot = this.snapshot();
    this.#snapshotVersion = this.#version;
    this.#newest = undefined;
    this.#deltas = DeltaLog.empty();
    this.#historyFrom = 0;
  }

  /** The whole state as one snapshot. */
  snapshot(): Uint8Array {
    if (this.#deltas.count === 0) return this.#snapshot;
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
    for (let i = from - this.#snapshotVersion; i < this.#deltas.count; i++) graph.apply(this.#deltas.at(i));
    for (const { delta } of pending) graph.apply(delta);
    return graph;
  }

  /** The state as it was at a version that `since` knows, as a graph of its own. */
  graphAt(at: Version): Graph {
    const graph = Graph.decode(this.#snapshot);
    for (let i = 0; i < at - this.#snapshotVersion; i++) graph.apply(this.#deltas.at(i));
    return graph;
  }

  /** Copies of the deltas after `base`, oldest first; `undefined` where the history does not reach back so far. */
  since(base: Version): readonly KeptDelta[] | undefined {
    if (base > this.#version || base < this.#snapshotVersion) return undefined;
    const kept: KeptDelta[] = [];
    for (let i = base - this.#snapshotVersion; i < this.#deltas.count; i++) {
      kept.push({ version: version(this.#snapshotVersion + i + 1), delta: copyBytes(this.#deltas.at(i)) });
    }
    return kept;
  }

  /**
   * Looks whether the session may become what a delta makes of it, with `pending` ones before. What it holds and what comes are an upper
   * bound of its size, which costs nothing; where that is over, the deltas behind the history go into the snapshot first.
   *
   * @throws {TwinstateError} `LIMIT_EXCEEDED`
   */
  hold(delta: Uint8Array, pending: readonly KeptDelta[], limits: Limits): void {
    const more = pending.reduce((sum, each) => sum + each.delta.byteLength, delta.byteLength);
    const fits = (): boolean => this.#snapshot.byteLength + this.#deltas.byteLength + more <= limits.sessionBytesMax;
    if (!fits() && this.#historyFrom > 0) this.#tryCompact();
    if (fits()) return;
    const graph = this.graph(pending);
    graph.apply(delta);
    holdLimit(limits, 'sessionBytesMax', graph.encode().byteLength, 'this session');
  }

  #moveHistory(): void {
    const { count, byteLength } = this.#deltas;
    this.#historyFrom = Math.max(this.#historyFrom, count - HISTORY_DELTAS_MAX);
    while (byteLength - this.#deltas.bytesOf(this.#historyFrom) > HISTORY_BYTES_MAX) this.#historyFrom++;
  }

  #outgrown({ share, bytesMin }: Outgrown): boolean {
    const openBytes = this.#deltas.bytesOf(this.#historyFrom);
    const bytesMax = Math.max(bytesMin, this.#snapshot.byteLength * share);
    return openBytes > bytesMax || this.#historyFrom > Math.max(HISTORY_DELTAS_MAX, bytesMax / OPEN_DELTA_BYTES);
  }

  /** Makes the first `count` deltas part of the snapshot. */
  #compact(count: number): void {
    const at = version(this.#snapshotVersion + count);
    this.#snapshot = (at === this.#version ? this.graph() : this.graphAt(at)).encode();
    this.#snapshotVersion = at;
    this.#deltas = this.#deltas.behind(count);
    this.#historyFrom = 0;
    if (this.#newest !== undefined && this.#newest.version <= at) this.#newest = undefined;
  }

  #tryCompact(): void {
    try {
      this.#compact(this.#historyFrom);
    } catch {
      // a delta that fits nothing: whoever opens the session is told so; here it is only left as it is
    }
  }
}
