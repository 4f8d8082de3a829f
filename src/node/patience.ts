/**
 * Ends waits whose time is up, a little late rather than each with a timer of its own.
 *
 * Invariant: a wait ends once, by `end` or by its time, and never before its time; those whose times fall into the same few
 * milliseconds share a timer, and where all of them have ended there is none.
 */
import type { Clock, Timer } from '../shared/clock.js';

/** Times are rounded up to a multiple of this, in milliseconds. */
const GRAIN_MS = 16;

export interface Wait {
  /** Calls it off: its time means nothing any more. */
  end(): void;
}

export class Patience {
  readonly #clock: Clock;
  readonly #slots = new Map<number, Slot>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `lapsed` once when at least `timeoutMs` have gone by, unless the wait has ended before. */
  begin(timeoutMs: number, lapsed: () => void): Wait {
    const nowMs = this.#clock.now();
    const grain = Math.ceil((nowMs + timeoutMs) / GRAIN_MS);
    let slot = this.#slots.get(grain);
    if (slot === undefined) {
      const made = new Slot(() => this.#slots.delete(grain));
      made.timer = this.#clock.after(grain * GRAIN_MS - nowMs, () => made.lapse());
      this.#slots.set(grain, made);
      slot = made;
    }
    return slot.add(lapsed);
  }
}

class Slot {
  readonly #waits = new Set<SlotWait>();
  readonly #emptied: () => void;
  timer: Timer | undefined;

  constructor(emptied: () => void) {
    this.#emptied = emptied;
  }

  add(lapsed: () => void): Wait {
    const wait = new SlotWait(this, lapsed);
    this.#waits.add(wait);
    return wait;
  }

  remove(wait: SlotWait): void {
    if (!this.#waits.delete(wait) || this.#waits.size > 0) return;
    this.timer?.cancel();
    this.#emptied();
  }

  lapse(): void {
    this.#emptied();
    for (const wait of this.#waits) wait.lapsed();
    this.#waits.clear();
  }
}

class SlotWait implements Wait {
  readonly #slot: Slot;
  readonly lapsed: () => void;

  constructor(slot: Slot, lapsed: () => void) {
    this.#slot = slot;
    this.lapsed = lapsed;
  }

  end(): void {
    this.#slot.remove(this);
  }
}
