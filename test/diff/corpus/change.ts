/**
 * A change of the corpus: its name, what it does, and at most how many bytes its delta has by the graph strategies.
 *
 * Invariant: a change changes something, unless its bound is 0: then nobody may see a difference.
 */
import type { Maker, State } from './state.js';

export type Change = readonly [name: string, apply: (state: State, make: Maker) => unknown, bytesMax?: number];

/** Sets a key as data, whatever it is called. */
export function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}
