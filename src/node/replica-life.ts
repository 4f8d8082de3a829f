/**
 * One life of a replica: from the moment on at which it begins anew to the next such moment.
 *
 * Invariant: when it is over nothing of it goes on: no timer fires, nothing is followed, and what it still waits for finds it over.
 */
import type { Subscription } from '../engine/port.js';
import type { Timer } from '../shared/clock.js';

export class ReplicaLife {
  #over = false;
  #following: Subscription | undefined;
  #timer: Timer | undefined;

  get over(): boolean {
    return this.#over;
  }

  /** Follows what `begin` begins to follow, and nothing else. */
  follow(begin: () => Subscription): void {
    this.#following?.stop();
    this.#following = this.#over ? undefined : begin();
  }

  /** Goes on when this timer fires, and at no other time. */
  wait(timer: Timer): void {
    this.#timer?.cancel();
    this.#timer = timer;
    if (this.#over) timer.cancel();
  }

  end(): void {
    this.#over = true;
    this.#following?.stop();
    this.#timer?.cancel();
  }
}
