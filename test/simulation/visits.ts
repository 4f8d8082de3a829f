/**
 * Sessions that expire, in the simulated world: visitors create them, use them for a while, and leave them; nobody destroys one.
 *
 * Invariant checked: whoever is told that a visit is gone is told so no sooner than its `ttl` after the asking for any use of it that
 * was acknowledged (or its `maxAge` after its create); what is gone stays gone; and in the end all of them are, on every replica.
 */
import 'reflect-metadata';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';
import { TwinstateError } from '../../src/shared/errors.js';
import type { SessionStore } from '../../src/store/session-store.js';
import type { Actor } from './actor.js';
import type { SimulatedProcess } from './process.js';
import type { Surroundings } from './surroundings.js';

const TTL_MS = 3_200;
const AGE_MS = 9_000;
/** Clocks of the simulated world run this much too fast or too slowly, at most; see `world.ts`. */
const RATE_SHARE = 0.002;
/** After so long nobody has a visit left: an eighth more than the ttl, clocks that differ, and the time to look. */
export const VISITS_OVER_MS = TTL_MS * 1.125 + 2_500;

@Session({ name: 'visit', ttl: `${TTL_MS}ms`, maxAge: `${AGE_MS}ms` })
export class Visit {
  @Mutable() pages = 0;
}

interface Known {
  readonly createdMs: number;
  /** When the last use was asked for that was acknowledged. */
  usedMs: number;
  /** When somebody was told first that it is gone. */
  goneMs: number;
}

export class Visits {
  readonly #world: Surroundings;
  readonly #leaseMs: number;
  readonly #known = new Map<string, Known>();
  #count = 0;
  expired = 0;

  /** @param leaseMs reads of a primary's memory may be so old */
  constructor(world: Surroundings, leaseMs: number) {
    this.#world = world;
    this.#leaseMs = leaseMs;
  }

  /** Goes on until the world stops; a visitor whose process dies comes back with it. */
  async visitor({ process, dice }: Actor): Promise<void> {
    const world = this.#world;
    const { random } = dice;
    let instance: Visit | undefined;
    let of: SessionStore | undefined;
    let id = '';
    while (!world.stopped) {
      // mostly often enough to keep it alive; sometimes nearly, and sometimes too late
      await world.sleep(random() < 0.7 ? 20 + random() * TTL_MS * 0.15 : TTL_MS * (0.9 + random() * 0.2));
      const { store } = process;
      if (store === undefined || !process.clock.running || world.stopped) continue;
      const askedMs = world.now();
      const roll = random();
      try {
        if (id === '' || roll < 0.08) {
          // an earlier one is left to itself
          const made = `v${++this.#count}`;
          instance = await world.alive(process, store.create(Visit, { pages: 0 }, { id: made, timeoutMs: 2_000 }));
          if (instance === undefined) continue;
          [id, of] = [made, store];
          this.#known.set(id, { createdMs: askedMs, usedMs: askedMs, goneMs: Infinity });
          this.#world.note(`visit ${id} made`);
        } else if (roll < 0.4) {
          await this.#use(process, id, askedMs, store.touch(Visit, id, { timeoutMs: 2_000 }));
        } else if (roll < 0.75 || of !== store || instance === undefined) {
          const consistency = random() < 0.5 ? ('strong' as const) : ('primary' as const);
          const opened = await world.alive(
            process,
            store.open(Visit, id, { consistency, timeoutMs: 2_000 }).then((found) => ({ found })),
          );
          if (opened === undefined) continue;
          [instance, of] = [opened.found, store];
          if (instance !== undefined)
            this.#used(id, askedMs, `opened (${consistency})`, consistency === 'strong' ? 0 : this.#leaseMs);
          else this.#gone(id, `opened (${consistency})`);
        } else {
          instance.pages++;
          await this.#use(process, id, askedMs, store.commit(instance, { timeoutMs: 2_000 }));
        }
      } catch (error) {
        const code = this.#world.expected(error, 'visit');
        if (code === 'SESSION_GONE') this.#gone(id, error instanceof TwinstateError ? error.message : '');
        instance = undefined;
      }
      if (this.#known.get(id)?.goneMs !== Infinity && random() < 0.5) id = '';
    }
  }

  /** Whether a replica still has a visit that is not over. */
  anyLeft(processes: readonly SimulatedProcess[]): boolean {
    for (const process of processes)
      for (const { machine } of process.node?.replicas ?? [])
        for (const state of machine.ledger.sessions.states()) if (state.className === 'visit' && !state.dead) return true;
    return false;
  }

  /** Holds what replicas have at the end against what must be. */
  check(process: SimulatedProcess): void {
    for (const { machine, partition } of process.node?.replicas ?? []) {
      for (const state of machine.ledger.sessions.states()) {
        if (state.className === 'visit' && !state.dead)
          this.#world.violation(
            `not expired: ${state.id} in partition ${partition} at ${process.options.name} (${machine.role})`,
          );
      }
    }
  }

  async #use(process: SimulatedProcess, id: string, askedMs: number, asked: Promise<unknown>): Promise<void> {
    const done = await this.#world.alive(
      process,
      asked.then(() => true),
    );
    if (done === true) this.#used(id, askedMs, 'used', 0);
  }

  #used(id: string, askedMs: number, how: string, boundMs: number): void {
    const known = this.#known.get(id)!;
    if (known.goneMs < askedMs - boundMs) this.#world.violation(`${id} was gone at ${known.goneMs}, and ${how} at ${askedMs}`);
    known.usedMs = Math.max(known.usedMs, askedMs);
  }

  #gone(id: string, how: string): void {
    const known = this.#known.get(id)!;
    const nowMs = this.#world.now();
    this.#world.note(`visit ${id} gone ${how}`);
    if (nowMs - known.createdMs < AGE_MS * (1 - RATE_SHARE) && nowMs - known.usedMs < TTL_MS * (1 - RATE_SHARE))
      this.#world.violation(`${id} was used at ${known.usedMs}, and gone at ${nowMs}: ${how}`);
    if (known.goneMs === Infinity) this.expired++;
    known.goneMs = Math.min(known.goneMs, nowMs);
  }
}
