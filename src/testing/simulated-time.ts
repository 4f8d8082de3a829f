/**
 * Virtual time for a whole cluster in one process.
 *
 * Invariant: nothing happens but the events in the queue, in the order of their time and, at the same time, of their making; so
 * one seed gives one history. A `ProcessClock` is the time of one simulated process: it can stand still (a pause) and end (a
 * crash), and nothing that was waiting on it is then ever called.
 */
import type { Clock, Random, Timer } from '../shared/clock.js';

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly fn: () => void;
  cancelled: boolean;
}

/** A seeded generator (mulberry32): the same seed, the same numbers. */
export function seededRandom(seed: number): Random {
  let state = Math.imul(seed, 2_654_435_761) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export class SimulatedTime implements Clock {
  #nowMs = 0;
  #order = 0;
  #queue: Event[] = [];
  #events = 0;

  now(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  /** Events so far. */
  get events(): number {
    return this.#events;
  }

  after(delayMs: number, fn: () => void): Timer {
    const event: Event = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, fn, cancelled: false };
    this.#push(event);
    return {
      cancel: () => {
        event.cancelled = true;
      },
    };
  }

  /** Runs events until `untilMs`; between two of them every promise that can go on does. */
  async runUntil(untilMs: number): Promise<void> {
    for (;;) {
      const event = this.#queue[0];
      if (event === undefined || event.atMs > untilMs) break;
      this.#pop();
      if (event.cancelled) continue;
      this.#nowMs = event.atMs;
      this.#events++;
      event.fn();
      await settled();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  #before(a: Event, b: Event): boolean {
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  }

  #push(event: Event): void {
    const queue = this.#queue;
    queue.push(event);
    let i = queue.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#before(queue[i]!, queue[parent]!)) break;
      [queue[i], queue[parent]] = [queue[parent]!, queue[i]!];
      i = parent;
    }
  }

  #pop(): void {
    const queue = this.#queue;
    const last = queue.pop()!;
    if (queue.length === 0) return;
    queue[0] = last;
    let i = 0;
    for (;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2])
        if (child < queue.length && this.#before(queue[child]!, queue[least]!)) least = child;
      if (least === i) return;
      [queue[i], queue[least]] = [queue[least]!, queue[i]!];
      i = least;
    }
  }
}

/**
 * Resolves once no promise can go on without an event: Node runs a tick only when the queue of microtasks is empty. (A turn of the
 * event loop would do as well, and takes half of a simulation's time.)
 */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** How the clocks of a machine are wrong. */
export interface ClockFault {
  /** 1: as fast as time. */
  readonly rate: number;
  /** What its wall clock is ahead. */
  readonly skewMs: number;
}

/** The time of one simulated process. */
export class ProcessClock implements Clock {
  readonly #time: SimulatedTime;
  #state: 'running' | 'paused' | 'ended' = 'running';
  #deferred: (() => void)[] = [];

  readonly #rate: number;
  readonly #skewMs: number;

  constructor(time: SimulatedTime, { rate, skewMs }: ClockFault = { rate: 1, skewMs: 0 }) {
    this.#time = time;
    this.#rate = rate;
    this.#skewMs = skewMs;
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  get ended(): boolean {
    return this.#state === 'ended';
  }

  now(): number {
    return this.#time.now() * this.#rate;
  }

  wallMs(): number {
    return this.#time.wallMs() + this.#time.now() * (this.#rate - 1) + this.#skewMs;
  }

  after(delayMs: number, fn: () => void): Timer {
    let cancelled = false;
    const run = (): void => {
      if (cancelled || this.#state === 'ended') return;
      if (this.#state === 'paused') this.#deferred.push(run);
      else fn();
    };
    const timer = this.#time.after(delayMs / this.#rate, run);
    return {
      cancel: () => {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  /** As SIGSTOP: what falls due meanwhile happens at `resume`, in order. */
  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  /** As SIGCONT. */
  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    for (const fn of this.#deferred.splice(0)) this.#time.after(0, fn);
  }

  /** As SIGKILL. */
  end(): void {
    this.#state = 'ended';
    this.#deferred = [];
  }
}
