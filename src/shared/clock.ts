/**
 * Time, as an argument.
 *
 * Invariant: no code below `store/` reads a clock, sets a timer or draws a random number except through these; the simulated
 * world replaces them, and with them crashes, pauses and replays a whole cluster.
 */

export interface Timer {
  /** Makes sure that the callback never runs. Harmless after it ran. */
  cancel(): void;
}

export interface Clock {
  /** Milliseconds on a clock that never goes back; its origin means nothing. */
  now(): number;
  /** Wall-clock milliseconds since 1970, for what people and other processes read. */
  wallMs(): number;
  /** Runs `fn` once after `delayMs`; 0 means "soon, but not in this turn". */
  after(delayMs: number, fn: () => void): Timer;
}

/** A number in [0, 1). */
export type Random = () => number;
