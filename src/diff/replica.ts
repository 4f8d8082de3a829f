/**
 * A replica: a copy of an instance that is kept equal by deltas.
 *
 * Invariant: after `apply` the replica's instance deep-equals what the primary was when that delta was made, identities included.
 */
import { modelOf } from '../model/model-of.js';
import type { Class } from '../model/session-model.js';
import { Graph } from './graph.js';

export class Replica<T extends object = object> {
  /** The live copy, an instance of the class. Changes made to it here are no part of the session. */
  readonly instance: T;
  /** The graph itself, for `describe`. */
  readonly graph: Graph;

  private constructor(instance: T, graph: Graph) {
    this.instance = instance;
    this.graph = graph;
  }

  /**
   * Makes an instance from a snapshot.
   *
   * @throws {TwinstateError} `BYTES_CORRUPT`, `FORMAT_UNSUPPORTED`, `LIMIT_EXCEEDED`, `FINGERPRINT_MISMATCH`, `CLASS_UNKNOWN`
   */
  static restore<T extends object>(type: Class<T>, snapshot: Uint8Array): Replica<T> {
    const model = modelOf(type);
    const graph = Graph.open(snapshot, model);
    return new Replica(graph.instance as T, graph);
  }

  /**
   * Applies a delta, wholly or not at all.
   *
   * @throws {TwinstateError} `BYTES_CORRUPT`, `DELTA_MISMATCH`, `LIMIT_EXCEEDED`, `CLASS_UNKNOWN`
   */
  apply(delta: Uint8Array): void {
    this.graph.apply(delta);
  }

  /** Encodes the state that the replica has been told. */
  snapshot(): Uint8Array {
    return this.graph.encode();
  }
}
