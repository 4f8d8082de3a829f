/**
 * Those who wait for a newer state of a session: each is woken once, by a change, by time, by the end, or because so many others wait.
 *
 * Invariant: at most `max` wait, whoever they are: who has waited longest is let go for one more, and may ask again.
 */
import type { Clock } from '../shared/clock.js';
import type { SessionId } from '../shared/ids.js';

/** As many as five processes watch at most, by their own bound; about a kilobyte each. */
const WAITERS_MAX = 50_000;

export interface ChangeWaiter {
  /** Whether it is worth while to look again: not for one that was let go. */
  readonly woken: Promise<boolean>;
  /** Waits no more. */
  readonly cancel: () => void;
}

type End = (again?: boolean) => void;

export class ChangeWaiters {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #waiting = new Map<SessionId, Set<End>>();
  /** All of them, who has waited longest first. */
  readonly #all = new Set<End>();

  constructor(clock: Clock, max = WAITERS_MAX) {
    this.#clock = clock;
    this.#max = max;
  }

  get count(): number {
    return this.#all.size;
  }

  next(session: SessionId, untilMs: number): ChangeWaiter {
    if (this.#all.size >= this.#max) this.#all.values().next().value?.(false);
    let wake!: (again: boolean) => void;
    const woken = new Promise<boolean>((resolve) => (wake = resolve));
    const set = this.#waiting.get(session) ?? new Set();
    this.#waiting.set(session, set);
    const end: End = (again = true) => {
      timer.cancel();
      this.#all.delete(end);
      set.delete(end);
      if (set.size === 0 && this.#waiting.get(session) === set) this.#waiting.delete(session);
      wake(again);
    };
    const timer = this.#clock.after(Math.max(0, untilMs - this.#clock.now()), () => end());
    set.add(end);
    this.#all.add(end);
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
    for (const wake of [...this.#all]) wake();
  }
}
