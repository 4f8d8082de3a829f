/**
 * The end of a simulated world: what clients were told is held against what is there, in every process and on every replica.
 *
 * Invariant checked: every process answers; all of them agree; replicas that stand at the same position hold the same bytes; and
 * replicas and leads are where placement wants them, none missing and none too many.
 */
import { mayLoseContent } from './scenario.js';
import type { ClusterNode } from '../../src/node/cluster-node.js';
import { placementOrder } from '../../src/replication/placement.js';
import type { AtRest } from '../../src/session/at-rest.js';
import { partition } from '../../src/shared/ids.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { attributesOf, NewDiary } from './diary.js';
import type { Diary } from './diary.js';
import { diaryOf } from './diarists.js';
import type { FinalDiary } from './history.js';
import type { SimulatedProcess } from './process.js';
import type { Surroundings } from './surroundings.js';

type Machine = ClusterNode<AtRest>['replicas'][number]['machine'];

interface Look {
  readonly by: string;
  readonly session: string;
  failure: unknown;
  seen?: { readonly diary: Diary; readonly version: number } | undefined;
}

const OPEN = 'it did not end';
/** In the place of a content that is in the store, for all replicas alike. */
const IN_STORE = '*';

/** Two replicas say the same of a session: where one of them has not its content, everything else. */
function agree(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  const inStore = one.endsWith(IN_STORE) || other.endsWith(IN_STORE);
  return inStore ? headOf(one) === headOf(other) : one === other;
}

const headOf = (text: string): string => text.slice(0, text.lastIndexOf(' '));

export class Verdict {
  readonly #world: Surroundings;
  readonly #processes: readonly SimulatedProcess[];
  readonly #diaries: readonly string[];
  readonly #writers: readonly string[];

  constructor(
    world: Surroundings,
    processes: readonly SimulatedProcess[],
    diaries: readonly string[],
    writers: readonly string[],
  ) {
    this.#diaries = diaries;
    this.#writers = writers;
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
      for (const session of this.#diaries) {
        const look: Look = { by, session, failure: OPEN };
        looks.push(look);
        const made = { session, by: `${by} at the end`, startMs: world.now() };
        store.open(diaryOf(process), session, { consistency: 'strong', timeoutMs: 3_000 }).then(
          (diary) => {
            look.failure = undefined;
            const saw = diary && { life: diary.life, attributes: attributesOf(diary, this.#writers) };
            world.calls.read(made, saw, { staleMs: 0, ...(diary !== undefined && { version: store.versionOf(diary) }) });
            if (diary !== undefined) look.seen = { diary, version: store.versionOf(diary) };
          },
          (error: unknown) => (look.failure = error),
        );
      }
    }
    await world.until(3_200, () => looks.every(({ failure }) => failure !== OPEN));
    for (const { by, session, failure, seen } of looks) {
      const quarantined = failure instanceof TwinstateError && failure.code === 'SESSION_QUARANTINED';
      if (quarantined && (world.damaged.has(session) || mayLoseContent(world.scenario))) continue;
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
      const moods = seen.diary instanceof NewDiary ? seen.diary.moods : before?.moods;
      final.set(session, { life, entries, notes, version: seen.version, moods });
    }
    world.history.check(final);
  }

  /** Says what has not come back yet: processes, replicas, leads. */
  unsettled(): string[] {
    const found: string[] = [];
    const { partitions, backups } = this.#world.scenario;
    for (const { options, store, node, drains } of this.#processes) {
      if (drains) found.push(`not healed: ${options.name} still leaves`);
      if (store === undefined) found.push(`not healed: ${options.name} is not connected`);
      for (const { machine, partition: at } of node?.replicas ?? []) {
        if (machine.role !== 'leading' && machine.role !== 'following')
          found.push(`not healed: ${options.name} is ${machine.role} in partition ${at}`);
        else if (machine.ledger.loading) found.push(`not healed: ${options.name} still loads partition ${at}`);
      }
    }
    const nodes = this.#processes.flatMap(({ node, options }) => (options.role === 'node' && node !== undefined ? [node] : []));
    for (let p = 0; p < partitions; p++) {
      const wanted = placementOrder(
        partition(p),
        nodes.map(({ self }) => self),
      ).slice(0, backups + 1);
      const held = nodes.filter((node) => node.holds(partition(p))).map(({ self }) => self);
      if (held.toSorted().join() !== wanted.toSorted().join())
        found.push(`not settled: partition ${p} is held by ${held.join()}, not by ${wanted.join()}`);
      const leaders = nodes.filter((node) => node.led.includes(partition(p))).map(({ self }) => self);
      if (leaders.join() !== wanted[0]) found.push(`not settled: ${leaders.join()} leads ${p}, not ${wanted[0]}`);
    }
    return found;
  }

  /** Every replica of a partition that stands at the same position holds the same sessions, byte for byte. */
  compareReplicas(): void {
    const seen = new Map<string, { readonly by: string; readonly sessions: ReadonlyMap<string, string> }>();
    for (const { node, options } of this.#processes) {
      for (const { machine, partition: at } of node?.replicas ?? []) {
        if (machine.role !== 'leading' && machine.role !== 'following') continue;
        const key = `${at}@${machine.ledger.applied}`;
        const sessions = this.#sessionsOf(machine);
        const other = seen.get(key);
        seen.set(key, { by: options.name, sessions });
        if (other === undefined) continue;
        for (const id of new Set([...sessions.keys(), ...other.sessions.keys()]))
          if (!agree(sessions.get(id), other.sessions.get(id)))
            this.#world.violation(`replicas differ: ${options.name} and ${other.by} at ${key} about ${id}`);
      }
    }
  }

  #sessionsOf(machine: Machine): Map<string, string> {
    const sessions = new Map<string, string>();
    for (const { id, version, incarnation, dead, body, passive } of machine.ledger.sessions.states()) {
      // one of which a stored snapshot was damaged may be quarantined where that was read
      if (this.#world.damaged.has(id)) continue;
      const bytes = passive ? IN_STORE : body === undefined ? '' : Buffer.from(body.snapshot()).toString('base64');
      sessions.set(id, `${version} ${incarnation} ${dead} ${bytes}`);
    }
    return sessions;
  }
}
