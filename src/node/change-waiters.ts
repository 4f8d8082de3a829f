/** Those who wait for a newer state of a session: each is woken once, by a change, by time, or by the end. */
import type { Clock } from '../shared/clock.js';
import type { SessionId } from '../shared/ids.js';

export interface ChangeWaiter {
  readonly woken: Promise<void>;
  /** Waits no more. */
  readonly cancel: () => void;
}

export class ChangeWaiters {
  readonly #clock: Clock;
  readonly #waiting = new Map<SessionId, Set<() => void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  next(session: SessionId, untilMs: number): ChangeWaiter {
    let wake!: () => void;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    const set = this.#waiting.get(session) ?? new Set();
    this.#waiting.set(session, set);
    const end = (): void => {
      timer.cancel();
      set.delete(end);
      if (set.size === 0 && this.#waiting.get(session) === set) this.#waiting.delete(session);
      wake();
    };
    const timer = this.#clock.after(Math.max(0, untilMs - this.#clock.now()), end);
    set.add(end);
    return { woken, cancel: end };
  }

  has(session: SessionId): boolean {
    return this.#waiting.has(session);
  }

  wake(sessions: ReadonlySet<SessionId>): void {
    if (this.#waiting.size === 0) return;
    for (const id of sessions) for (const wake of [...(this.#waiting.get(id) ?? [])]) wake();
  }

  wakeAll(): void {
    for (const set of [...this.#waiting.values()]) for (const wake of [...set]) wake();
  }
}
