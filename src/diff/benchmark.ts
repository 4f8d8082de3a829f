/**
 * The benchmark: what an instance was when it was last synchronised, separate from every copy of it.
 *
 * Invariant: a benchmark belongs to one instance, holds nothing that the instance could change, and equals what the last delta or
 * snapshot said.
 */
import { TwinstateError } from '../shared/errors.js';
import { modelOf } from '../model/model-of.js';
import type { Class } from '../model/session-model.js';
import { Graph } from './graph.js';

export class Benchmark<T extends object = object> {
  /** The graph itself, for `describe` and for whoever merges. */
  readonly graph: Graph;
  readonly #instance: T;

  private constructor(instance: T, graph: Graph) {
    this.#instance = instance;
    this.graph = graph;
  }

  /**
   * Captures an instance of a session class; later comparisons look at its mutable attributes only.
   *
   * @throws {TwinstateError} `NOT_A_SESSION`, `VALUE_UNSUPPORTED`, `CLASS_UNKNOWN`, `LIMIT_EXCEEDED`
   */
  static of<T extends object>(instance: T): Benchmark<T> {
    const type: unknown = (Object.getPrototypeOf(Object(instance)) as { constructor?: unknown } | null)?.constructor;
    return new Benchmark(instance, Graph.capture(instance, modelOf(type as Class)));
  }

  /**
   * Compares the instance with the benchmark, which then equals the instance.
   *
   * @returns the delta, or null where nothing changed
   * @throws {TwinstateError} `NOT_OPEN` for another instance, `VALUE_UNSUPPORTED`, `CLASS_UNKNOWN`, `LIMIT_EXCEEDED` with the path;
   * then the benchmark is as before
   */
  diff(instance: T): Uint8Array | null {
    if (instance !== this.#instance) {
      throw new TwinstateError('NOT_OPEN', 'this benchmark belongs to another instance', {
        expected: 'the instance that was given to Benchmark.of',
        received: 'another object',
        cure: 'call Benchmark.of for each instance',
      });
    }
    return this.graph.diff();
  }

  /** Encodes the benchmark: the state as it was last synchronised, whatever the instance is by now. */
  snapshot(): Uint8Array {
    return this.graph.encode();
  }
}
