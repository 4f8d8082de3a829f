/**
 * The end of a simulated world: what clients were told is held against what is there, in every process and on every replica.
 *
 * Invariant checked: every process answers; all of them agree; replicas that stand at the same position hold the same bytes; and
 * replicas and leads are where placement wants them, none missing and none too many.
 */
import { placementOrder } from '../../src/replication/placement.js';
import { partition } from '../../src/shared/ids.js';
import { Diary } from './diary.js';
import { DIARIES } from './diarists.js';
import type { FinalDiary } from './history.js';
import type { SimulatedProcess } from './process.js';
import type { Surroundings } from './surroundings.js';

interface Look {
  readonly by: string;
  readonly session: string;
  failure: unknown;
  seen?: { readonly diary: Diary; readonly version: number } | undefined;
}

export class Verdict {
  readonly #world: Surroundings;
  readonly #processes: readonly SimulatedProcess[];

  constructor(world: Surroundings, processes: readonly SimulatedProcess[]) {
    this.#world = world;
    this.#processes = processes;
  }

  /** Reads every diary in every process, and holds what is there against the history. */
  async judgeDiaries(): Promise<void> {
    const world = this.#world;
    const final = new Map<string, FinalDiary>();
    const looks: Look[] = [];
    for (const process of this.#processes) {
      const { store } = process;
      const by = process.options.name;
      if (store === undefined) {
        world.violation(`not healed: ${by} is not connected`);
        continue;
      }
      for (const session of DIARIES) {
        const look: Look = { by, session, failure: 'it did not end' };
        looks.push(look);
        store.open(Diary, session, { consistency: 'strong', timeoutMs: 3_000 }).then(
          (diary) => {
            look.failure = undefined;
            if (diary !== undefined) look.seen = { diary, version: store.versionOf(diary) };
          },
          (error: unknown) => (look.failure = error),
        );
      }
    }
    await world.time.runUntil(world.now() + 3_200);
    for (const { by, session, failure, seen } of looks) {
      if (failure !== undefined) {
        const why = failure instanceof Error ? failure.message : JSON.stringify(failure);
        world.violation(`not live: ${by} cannot read ${session}: ${why}`);
      }
      if (seen === undefined) continue;
      const { life, entries, notes } = seen.diary;
      const before = final.get(session);
      if (
        before !== undefined &&
        (before.life !== life || before.entries.join() !== entries.join() || before.version !== seen.version)
      ) {
        world.violation(`two processes differ about ${session}: version ${before.version} and ${seen.version}`);
      }
      final.set(session, { life, entries, notes, version: seen.version });
    }
    world.history.check(final);
  }

  /** Every replica of a partition that stands at the same position holds the same bytes. */
  compareReplicas(): void {
    const world = this.#world;
    const seen = new Map<string, { readonly by: string; readonly state: string }>();
    let leaders = 0;
    for (const process of this.#processes) {
      for (const { machine, partition: at } of process.node?.replicas ?? []) {
        if (machine.role === 'leading') leaders++;
        if (machine.role !== 'leading' && machine.role !== 'following') {
          world.violation(`not healed: ${process.options.name} is ${machine.role} in partition ${at}`);
          continue;
        }
        for (const state of machine.ledger.sessions.states()) {
          const body = state.body === undefined ? '' : Buffer.from(state.body.snapshot()).toString('base64');
          const key = `${at}@${machine.ledger.applied} ${state.id}`;
          const text = `${state.version} ${state.incarnation} ${state.dead} ${body}`;
          const other = seen.get(key);
          if (other !== undefined && other.state !== text)
            world.violation(`replicas differ: ${process.options.name} and ${other.by} at ${key}`);
          seen.set(key, { by: process.options.name, state: text });
        }
      }
    }
    this.#checkPlacement();
    const { partitions } = world.scenario;
    if (leaders !== partitions) world.violation(`${leaders} primaries for ${partitions} partitions at the end`);
  }

  /** Replicas and leads have settled where placement wants them, none is missing and none too many. */
  #checkPlacement(): void {
    const { partitions, backups } = this.#world.scenario;
    const nodes = this.#processes.flatMap(({ node, options }) => (options.role === 'node' && node !== undefined ? [node] : []));
    for (let p = 0; p < partitions; p++) {
      const wanted = placementOrder(
        partition(p),
        nodes.map(({ self }) => self),
      ).slice(0, backups + 1);
      const held = nodes.filter((node) => node.holds(partition(p))).map(({ self }) => self);
      if (held.toSorted().join() !== wanted.toSorted().join())
        this.#world.violation(`not settled: partition ${p} is held by ${held.join()}, not by ${wanted.join()}`);
      const [leader] = nodes.filter((node) => node.led.includes(partition(p)));
      if (leader?.self !== wanted[0]) this.#world.violation(`not settled: ${leader?.self} leads ${p}, not ${wanted[0]}`);
    }
  }
}
