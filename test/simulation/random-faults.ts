/**
 * The faults of the simulated world: everything a network, a NATS server and a scheduler may do to a message.
 *
 * Invariant: every choice is drawn from the world's seed. When `active` is false nothing is lost or late any more, and a cluster
 * that is right must recover by itself.
 */
import type { Faults, Journey, ReadJourney, RequestJourney, WriteJourney } from '../../src/engine/memory/faults.js';
import type { Clock, Random } from '../../src/shared/clock.js';

export class RandomFaults implements Faults {
  readonly clock: Clock;
  readonly #random: Random;
  active = true;
  /** While the log is out nothing reaches it, and reads go unanswered. */
  logOut = false;

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.#random = random;
  }

  append(): WriteJourney {
    const journey = this.#write(400);
    if (!this.#chance(0.02)) return journey;
    return { ...journey, spurious: this.#chance(0.4) ? 'stored' : 'not-stored' };
  }

  read(): ReadJourney {
    const journey = this.#journey(400);
    return this.#chance(0.1) ? { ...journey, hidden: this.#between(1, 4) } : journey;
  }

  identity(): Journey {
    return this.#journey(400);
  }

  deliver(): number {
    return this.#chance(0.03) ? this.#between(50, 800) : this.#between(0, 3);
  }

  trim(): Journey {
    return this.#write(1_000);
  }

  put(): WriteJourney {
    const journey = this.#write(1_000);
    return this.#chance(0.02) ? { ...journey, spurious: this.#chance(0.5) ? 'stored' : 'not-stored' } : journey;
  }

  get(): Journey {
    return this.#journey(400);
  }

  /** A listing of many snapshots takes long at times: the replica is at work meanwhile. */
  list(): Journey {
    const journey = this.#journey(2_000);
    return this.#chance(0.3) ? { ...journey, thereMs: this.#between(50, 1_500) } : journey;
  }

  request(): RequestJourney {
    const thereMs = this.#chance(0.02) ? Infinity : this.#chance(0.03) ? this.#between(100, 3_000) : this.#between(1, 4);
    const backMs = this.#chance(0.03) ? Infinity : this.#between(1, 4);
    return { thereMs, backMs, againMs: this.#chance(0.03) ? this.#between(5, 4_000) : undefined };
  }

  tell(): number {
    return this.#chance(0.05) ? Infinity : this.#between(1, 5);
  }

  announce(): number {
    return this.#chance(0.05) ? Infinity : this.#between(1, 5);
  }

  hole(): number {
    return this.#between(0, 2);
  }

  #journey(patienceMs: number): Journey {
    const lost = this.logOut || this.#chance(0.02);
    return { thereMs: lost ? Infinity : this.#between(1, 4), backMs: this.#between(1, 3), patienceMs };
  }

  /** A write may be lost, its answer may be lost, and it may travel for seconds and still be stored. */
  #write(patienceMs: number): WriteJourney {
    if (this.logOut && this.#chance(0.6)) return { thereMs: Infinity, backMs: 1, patienceMs };
    const slow = this.logOut || this.#chance(0.05);
    return {
      thereMs: this.#chance(0.02) ? Infinity : slow ? this.#between(200, 5_000) : this.#between(1, 4),
      backMs: this.#chance(0.03) ? Infinity : this.#between(1, 3),
      patienceMs,
    };
  }

  #chance(probability: number): boolean {
    return this.#random() < probability && this.active;
  }

  #between(low: number, high: number): number {
    return low + Math.floor(this.#random() * (high - low + 1));
  }
}
