/** `describe` and `paths` for people who have classes, not models. */
import { modelOf } from '../model/model-of.js';
import type { Class } from '../model/session-model.js';
import { Benchmark } from './benchmark.js';
import { deltaPaths, describeDelta, type Change } from './delta-description.js';
import type { Graph } from './graph.js';
import { Replica } from './replica.js';

/** Knows where objects stand: a benchmark or replica in the state before or after the delta. */
export type Places = Benchmark<never> | Replica<never> | Benchmark | Replica | Graph;

/**
 * Says what a delta changes: `[{ path: 'items[0].qty', from: 1, to: 2 }]`. What is `sensitive` shows as `[redacted]`.
 *
 * @param places gives objects inside the session their paths, and `from` where it is still as before; without it they are shown by
 * number: `#17.qty`
 * @throws {TwinstateError} `NOT_A_SESSION`, `BYTES_CORRUPT`
 */
export function describe(type: Class, delta: Uint8Array, places?: Places): Change[] {
  return describeDelta(modelOf(type), delta, graphOf(places));
}

/** The paths that a delta changes, each once. */
export function paths(type: Class, delta: Uint8Array, places?: Places): string[] {
  return deltaPaths(modelOf(type), delta, graphOf(places));
}

function graphOf(places: Places | undefined): Graph | undefined {
  return places instanceof Benchmark || places instanceof Replica ? places.graph : places;
}
