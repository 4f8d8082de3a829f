/** A call's time: when it ends, waiting within it, and the caller's signal that ends it early. */
import type { Asked } from '../node/cluster-node.js';
import type { Clock } from '../shared/clock.js';

/** Bounds of one call. */
export interface CallOptions {
  /** Ends the call early; what was sent may still be stored. */
  readonly signal?: AbortSignal | undefined;
  /** How long the call may take, in milliseconds (default 10,000). */
  readonly timeoutMs?: number | undefined;
}

export const TIMEOUT_MS_DEFAULT = 10_000;
/** The end of a call's time. */
export class Deadline {
  readonly timeoutMs: number;
  readonly #clock: Clock;
  readonly #untilMs: number;
  readonly #signal: AbortSignal | undefined;

  constructor(clock: Clock, { timeoutMs, signal }: CallOptions) {
    this.timeoutMs = timeoutMs ?? TIMEOUT_MS_DEFAULT;
    this.#clock = clock;
    this.#signal = signal;
    this.#untilMs = clock.now() + this.timeoutMs;
  }

  get leftMs(): number {
    return Math.max(0, this.#untilMs - this.#clock.now());
  }

  get passed(): boolean {
    return this.leftMs === 0;
  }

  /** An answer, or `lost` as soon as the caller aborts. */
  async race<T>(asked: Promise<Asked<T>>): Promise<Asked<T>> {
    const signal = this.#signal;
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
  async sleep(ms: number, sooner: Promise<void>): Promise<void> {
    const { promise, cancel } = this.#timer(Math.min(ms, this.leftMs));
    await this.race(Promise.race([promise, sooner]).then((): Asked<void> => ({ kind: 'lost' })));
    cancel();
  }

  #timer(ms: number): { readonly promise: Promise<void>; readonly cancel: () => void } {
    let cancel!: () => void;
    const promise = new Promise<void>((resolve) => {
      const timer = this.#clock.after(ms, resolve);
      cancel = () => timer.cancel();
    });
    return { promise, cancel };
  }
}
