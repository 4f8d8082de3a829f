/**
 * Clients that follow merge rules: all change the same slots of the same tallies, and nobody's work may get lost.
 *
 * Invariant: whatever state any of them is shown adds up, at any time.
 */
import type { SessionStore } from '../../src/store/session-store.js';
import type { Actor } from './actor.js';
import type { Made } from './calls.js';
import type { SimulatedProcess } from './process.js';
import type { Surroundings } from './surroundings.js';
import { contradictions, enter, Entered, Tally } from './tally.js';

const TALLIES: readonly string[] = ['t0', 't1'];

export class Talliers {
  readonly #world: Surroundings;
  readonly #entered = new Entered();

  readonly #leaseMs: number;

  /** @param leaseMs reads of a primary's memory may be so old */
  constructor(world: Surroundings, leaseMs: number) {
    this.#world = world;
    this.#leaseMs = world.scenario.takeover === 'strict' ? 0 : leaseMs;
    for (const session of TALLIES) world.calls.begun(session, session);
  }

  /** Commits what every other one changes too, now by `update`, now several at once on an instance that it keeps. */
  async tallier(actor: Actor): Promise<void> {
    const world = this.#world;
    const { process, dice } = actor;
    const session = dice.oneOf(TALLIES);
    let of: SessionStore | undefined;
    let held: Tally | undefined;
    while (!world.stopped) {
      await world.sleep(dice.between(60, 500));
      const { store } = actor;
      if (store === undefined || world.stopped) continue;
      if (of !== store) held = undefined;
      of = store;
      const options = { timeoutMs: 2_500 };
      if (held === undefined || dice.chance(0.3)) {
        await this.#enter(actor, session, async (op) => {
          let last: Tally | undefined;
          let base = 0;
          await store.update(
            Tally,
            session,
            (tally) => {
              base = store.versionOf((last = tally));
              enter(tally, op);
            },
            { ...options, create: { life: session } },
          );
          const version = store.versionOf(last!);
          // it stays where it was opened where others' changes are not known any more
          return version > base ? version : 0;
        });
      } else {
        const tally = held;
        const commits: Promise<void>[] = [];
        for (let i = dice.between(1, 3); i > 0; i--) {
          commits.push(
            this.#enter(actor, session, async (op) => {
              enter(tally, op);
              return (await store.commit(tally, options)).version;
            }),
          );
          if (dice.chance(0.3)) await world.sleep(dice.between(1, 30));
        }
        await Promise.all(commits);
        // what was acknowledged is in it, and what was not leaves it stale
        this.#addsUp(tally, `${process.options.name} holds ${session}`);
      }
      try {
        const made = { session, by: `${process.options.name} reads`, startMs: world.now() };
        const opens = held === undefined;
        if (held === undefined) held = await world.alive(process, store.open(Tally, session, { timeoutMs: 2_000 }));
        else if (dice.chance(0.5)) await world.alive(process, store.refresh(held, { timeoutMs: 2_000 }));
        if (held !== undefined && process.store === store) {
          this.#addsUp(held, `${process.options.name} opened ${session}`);
          if (opens) this.#seen(made, held, store, this.#leaseMs);
        }
      } catch (error) {
        world.expected(error, 'tally');
        held = undefined;
      }
    }
  }

  /** Holds what every process reads at the end against what the writers were told. */
  async judge(processes: readonly SimulatedProcess[]): Promise<void> {
    const world = this.#world;
    const final = new Map<string, readonly string[]>();
    const open = new Set<string>();
    /** Of these nothing can be read any more, in some process. */
    const damaged = new Set<string>();
    for (const { store, options } of processes) {
      for (const session of TALLIES) {
        const look = `${options.name} and ${session}`;
        // that it is not connected is said already
        if (store === undefined) continue;
        open.add(look);
        const made = { session, by: `${options.name} at the end`, startMs: world.now() };
        store.open(Tally, session, { consistency: 'strong', timeoutMs: 3_000 }).then(
          (tally) => {
            open.delete(look);
            if (tally === undefined) return;
            this.#addsUp(tally, `at the end ${look}`);
            this.#seen(made, tally, store, 0);
            const before = final.get(session);
            if (before !== undefined && before.join() !== tally.log.join())
              world.violation(`two processes differ about ${session}`);
            final.set(session, tally.log);
          },
          (error: unknown) => {
            open.delete(look);
            if (world.damaged.has(session)) damaged.add(session);
            else world.violation(`not live: ${look}: ${String(error)}`);
          },
        );
      }
    }
    await world.until(3_200, () => open.size === 0);
    for (const look of open) world.violation(`not live: a read did not end: ${look}`);
    for (const violation of this.#entered.violations(final, damaged)) world.violation(violation);
  }

  /** @param write resolves to the version that holds it */
  async #enter(actor: Actor, session: string, write: (op: string) => Promise<number>): Promise<void> {
    const world = this.#world;
    const op = `${actor.nextOp()}:${actor.dice.between(1, 9)}`;
    const entry = this.#entered.begin(session, op);
    const made = { session, by: actor.name, startMs: world.now() };
    let version = 0;
    const told = await world.tell(actor.process, async () => void (version = await write(op)));
    const changes = [
      { attribute: 'log', append: op },
      { attribute: 'count', add: 1 },
    ];
    world.calls.changed(made, session, changes, { told, version });
    world.note(`enter ${op} in ${session}: ${told}`);
    if (told !== undefined) entry.told = told;
  }

  #seen(made: Made, tally: Tally, store: SessionStore, staleMs: number): void {
    const { life, log, count } = tally;
    const saw = { life, attributes: { log: [...log], count } };
    this.#world.calls.read(made, saw, { version: store.versionOf(tally), staleMs });
  }

  #addsUp(tally: Tally, where: string): void {
    for (const contradiction of contradictions(tally)) this.#world.violation(`${where}: ${contradiction}`);
  }
}
