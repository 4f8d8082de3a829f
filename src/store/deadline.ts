/**
 * A call's time: when it ends, waiting within it, and the caller's signal that ends it early.
 *
 * Invariant: whatever waits through a deadline ends with it. `TIMEOUT` is said where the time went by in this process (behind other
 * calls of the same session, in the caller's own function); where a primary was waited for it is `UNAVAILABLE`, said by the router.
 */
import type { Asked } from '../node/cluster-node.js';
import type { Clock } from '../shared/clock.js';
import type { Outcome, TwinstateError } from '../shared/errors.js';
import { aborted } from '../shared/signal.js';
import type { CallOptions } from './call-options.js';
import type { Bound } from './lane.js';
import { timedOut } from './refusals.js';

export const TIMEOUT_MS_DEFAULT = 10_000;

/** The end of a call's time. */
export class Deadline implements Bound {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly #clock: Clock;
  /** When it is over, by the clock. */
  readonly untilMs: number;

  constructor(clock: Clock, { timeoutMs, signal }: CallOptions) {
    this.timeoutMs = timeoutMs ?? TIMEOUT_MS_DEFAULT;
    this.signal = signal;
    this.#clock = clock;
    this.untilMs = clock.now() + this.timeoutMs;
  }

  get leftMs(): number {
    return Math.max(0, this.untilMs - this.#clock.now());
  }

  get passed(): boolean {
    return this.leftMs === 0;
  }

  /** What is left of it, for a call that is part of this one. */
  get rest(): CallOptions {
    return { signal: this.signal, timeoutMs: this.leftMs };
  }

  /**
   * Calls back once, with the reason, when the time is up or the caller aborts; soon, where that is so already.
   *
   * @param doing what the time went by with
   * @returns what calls it off
   */
  onEnd(doing: string, outcome: Outcome | undefined, fn: (why: TwinstateError) => void): () => void {
    const { signal } = this;
    const end = (): void => {
      cancel();
      fn(signal?.aborted === true ? aborted(signal, outcome) : timedOut(doing, this.timeoutMs, outcome));
    };
    const timer = this.#clock.after(signal?.aborted === true ? 0 : this.leftMs, end);
    const cancel = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', end);
    };
    signal?.addEventListener('abort', end, { once: true });
    return cancel;
  }

  /** Waits for something of the caller's, and gives up waiting when the call ends. @throws {TwinstateError} `TIMEOUT`, `ABORTED` */
  async within<T>(promise: Promise<T>, doing: string, outcome?: Outcome): Promise<T> {
    let cancel!: () => void;
    const ended = new Promise<never>((_, reject) => {
      cancel = this.onEnd(doing, outcome, reject);
    });
    try {
      return await Promise.race([promise, ended]);
    } finally {
      cancel();
    }
  }

  /** An answer, or `lost` as soon as the caller aborts. */
  async race<T>(asked: Promise<Asked<T>>): Promise<Asked<T>> {
    const { signal } = this;
    if (signal === undefined) return asked;
    let listener!: () => void;
    const abort = new Promise<Asked<T>>((resolve) => {
      listener = () => resolve({ kind: 'lost' });
      signal.addEventListener('abort', listener, { once: true });
    });
    try {
      return await Promise.race([asked, abort]);
    } finally {
      signal.removeEventListener('abort', listener);
    }
  }

  /** Waits for `ms`, or less: until the call's time is up, the caller aborts, or `sooner` resolves. */
  async sleep(ms: number, sooner?: Promise<void>): Promise<void> {
    let cancel!: () => void;
    const slept = new Promise<void>((resolve) => {
      const timer = this.#clock.after(Math.min(ms, this.leftMs), resolve);
      cancel = () => timer.cancel();
    });
    const woken = sooner === undefined ? slept : Promise.race([slept, sooner]);
    await this.race(woken.then((): Asked<void> => ({ kind: 'lost' })));
    cancel();
  }
}
