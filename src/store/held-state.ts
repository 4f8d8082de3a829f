/**
 * One session as this process last saw it: a snapshot, and the deltas after it.
 *
 * Invariant: a value, never changed; snapshot and deltas, in order, are the acknowledged state at `version` of that incarnation.
 * What is opened from it is a graph of its own.
 */
import { Graph } from '../diff/graph.js';
import type { SessionLimits, SessionModel } from '../model/session-model.js';
import type { Sequence, Version } from '../shared/ids.js';
import type { VersionedDelta } from '../node/cluster-node.js';

/** A state that is opened is folded where it has more deltas: to apply them each time would cost more. */
const FOLD_DELTAS_MAX = 8;
/** Deltas outgrow a snapshot at this part of it, or at so many bytes or deltas. */
const OUTGROWN_SHARE = 1 / 8;
const OUTGROWN_BYTES_MIN = 512;
const OUTGROWN_DELTAS_MAX = 64;
/** What a kept delta costs beside its bytes, about. */
const DELTA_OVERHEAD_BYTES = 64;
const STATE_OVERHEAD_BYTES = 256;

export class HeldState {
  readonly className: string;
  readonly incarnation: Sequence;
  readonly version: Version;
  readonly #snapshot: Uint8Array;
  readonly #deltas: readonly Uint8Array[];
  readonly #deltaBytes: number;

  private constructor(
    { className, incarnation }: { readonly className: string; readonly incarnation: Sequence },
    version: Version,
    snapshot: Uint8Array,
    deltas: readonly Uint8Array[],
    deltaBytes: number,
  ) {
    this.className = className;
    this.incarnation = incarnation;
    this.version = version;
    this.#snapshot = snapshot;
    this.#deltas = deltas;
    this.#deltaBytes = deltaBytes;
  }

  static of(
    session: { readonly className: string; readonly incarnation: Sequence },
    version: Version,
    snapshot: Uint8Array,
  ): HeldState {
    return new HeldState(session, version, snapshot, [], 0);
  }

  /** Bytes of memory, about. */
  get bytes(): number {
    return STATE_OVERHEAD_BYTES + this.#snapshot.byteLength + this.#deltaBytes + this.#deltas.length * DELTA_OVERHEAD_BYTES;
  }

  /** The state that these deltas, which begin right behind it, lead to; `undefined` where they do not. */
  after(deltas: readonly VersionedDelta[]): HeldState | undefined {
    let { version } = this;
    let bytes = this.#deltaBytes;
    for (const each of deltas) {
      if (each.version !== version + 1) return undefined;
      version = each.version;
      bytes += each.delta.byteLength;
    }
    return new HeldState(this, version, this.#snapshot, [...this.#deltas, ...deltas.map(({ delta }) => delta)], bytes);
  }

  /** The snapshot alone: the whole state, where it was folded. */
  get snapshot(): Uint8Array {
    return this.#snapshot;
  }

  /** Its deltas are a burden; where nobody opens it, it is not worth to be kept. */
  get outgrown(): boolean {
    return (
      this.#deltas.length > OUTGROWN_DELTAS_MAX ||
      this.#deltaBytes > Math.max(OUTGROWN_BYTES_MIN, this.#snapshot.byteLength * OUTGROWN_SHARE)
    );
  }

  /** To open it again will cost less once it is `folded`. */
  get unwieldy(): boolean {
    return this.#deltas.length > FOLD_DELTAS_MAX || this.outgrown;
  }

  /** The same state as one snapshot. @param graph as `graph` made it, not bound */
  folded(graph: Graph): HeldState {
    return HeldState.of(this, this.version, graph.encode());
  }

  /** An instance with a graph of its own. @throws {TwinstateError} as `graph`, and what `Graph.bind` throws */
  open(model: SessionModel): Graph {
    // straight from the bytes, where these are all
    if (this.#deltas.length === 0) return Graph.open(this.#snapshot, model);
    const graph = this.graph(model.limits);
    graph.bind(model);
    return graph;
  }

  /** A graph of its own. @throws {TwinstateError} `BYTES_CORRUPT`, `LIMIT_EXCEEDED`, or what a delta that does not fit throws */
  graph(limits: SessionLimits): Graph {
    const graph = Graph.decode(this.#snapshot, limits);
    for (const delta of this.#deltas) graph.apply(delta);
    return graph;
  }
}
