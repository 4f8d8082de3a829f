/**
 * A whole cluster in one process, under a seeded scheduler: production stores, nodes and state machines; simulated time, log,
 * snapshots and bus; and faults.
 *
 * Invariant: a seed is a history. First anything may go wrong (safety), then everything is healed and the cluster must come back
 * by itself (liveness), and then what clients were told is held against what is there, on every replica.
 */
import { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import { SimulatedTime, seededRandom } from '../../src/testing/simulated-time.js';
import type { ClockFault } from '../../src/testing/simulated-time.js';
import { Chaos } from './chaos.js';
import { Diarists } from './diarists.js';
import { Diary } from './diary.js';
import { History } from './history.js';
import { LogLoss } from './log-loss.js';
import { SimulatedProcess } from './process.js';
import { RandomFaults } from './random-faults.js';
import type { Scenario } from './scenario.js';
import { Surroundings } from './surroundings.js';
import { Talliers } from './talliers.js';
import { Tally } from './tally.js';
import { Verdict } from './verdict.js';
import { Visit, Visits, VISITS_OVER_MS } from './visits.js';

export interface Report {
  readonly seed: number;
  readonly violations: readonly string[];
  /** The same for the same seed and code: a fingerprint of the whole history. */
  readonly trace: string;
  readonly acknowledged: number;
  readonly notStored: number;
  readonly unknown: number;
  readonly reads: number;
  readonly takeovers: number;
  readonly faults: number;
  readonly merges: number;
  /** Sessions of which somebody was told that they had expired. */
  readonly expired: number;
  /** The longest that a commit took in a world where nodes are only drained and started; 0 in others. */
  readonly pauseMs: number;
}

const LEASE_MS = 500;
/** Between any two clocks, at most; they drift a little, too. */
const CLOCK_SKEW_MS = 1_000;
const CLOCK_DRIFT = 0.001;
const TIMING = {
  leaseMs: LEASE_MS,
  tickMs: 25,
  heartbeatMs: 250,
  checkpointRecords: 20,
  checkpointIdleMs: 600,
  snapshotMs: 100,
  stableMs: 300,
  // fewer than there are sessions, so that they are packed and opened all the time
  hotSessionsMax: 1,
  historyMs: 1_500,
  clockSkewMs: CLOCK_SKEW_MS,
  calmMs: 400,
  moveMs: 50,
  // longer than any message or retry of this world lives
  tombstoneMs: 6_500,
};
/** In a world that loses its log: found out, and agreed upon, before it ends. */
const LOSS_TIMING = { lostMs: 1_200, seedWaitMs: 600 };
/** After healing: elections, suspicions, joins and the time-outs of what was under way. */
const HEAL_MS = 4_000;
/** Operations under way come to their end. */
const END_MS = 2_800;

export async function simulate(seed: number, scenario: Scenario, trace?: (line: string) => void): Promise<Report> {
  const world = new World(seed, scenario, trace);
  return world.run();
}

/** Everybody's keys; the salts come from the seed, like all chance. */
const SEALED = { keys: [{ id: 'k1', key: new Uint8Array(32).fill(1) }] };

class World {
  readonly #seed: number;
  readonly #scenario: Scenario;
  readonly #time = new SimulatedTime();
  readonly #surroundings: Surroundings;
  readonly #processes: SimulatedProcess[] = [];
  readonly #loss: LogLoss | undefined;
  readonly #history: History;
  readonly #chaos: Chaos;
  readonly #diarists: Diarists;
  /** Every third world has writers that follow merge rules, which cost more than all else in it. */
  readonly #talliers: Talliers | undefined;
  readonly #visits: Visits;
  #ids = 0;

  constructor(seed: number, scenario: Scenario, trace?: (line: string) => void) {
    this.#seed = seed;
    this.#scenario = scenario;
    this.#loss = scenario.losesLog === true ? new LogLoss() : undefined;
    this.#history = new History(this.#loss);
    const random = seededRandom(seed);
    const world = new Surroundings({ scenario, time: this.#time, random, history: this.#history, trace });
    this.#surroundings = world;
    const faults = new RandomFaults(this.#time, seededRandom(seed ^ 0x5bd1e995));
    faults.active = scenario.lossy;
    const cluster = new MemoryCluster({ faults, patienceMs: 400 });
    this.#chaos = new Chaos(world, this.#processes, faults, cluster);
    this.#diarists = new Diarists(world, LEASE_MS);
    // what a lost log excuses is known of diaries only
    this.#talliers = scenario.losesLog !== true && seed % 3 === 1 ? new Talliers(world) : undefined;
    this.#visits = new Visits(world, LEASE_MS);
    const timing = { ...TIMING, ...(scenario.losesLog === true && LOSS_TIMING) };
    for (let i = 0; i < scenario.nodes + scenario.clients; i++) {
      const role = i < scenario.nodes ? 'node' : 'client';
      const { backups, partitions, takeover } = scenario;
      const options = {
        name: `${role[0]}${i}`,
        role,
        backups,
        partitions,
        takeover,
        timing,
        encryption: scenario.sealed === true ? SEALED : undefined,
        sessions: [Diary, Tally, Visit],
        clock: this.#clockFault(),
      } as const;
      this.#processes.push(new SimulatedProcess(options, this.#time, cluster, random, () => this.#uniqueId()));
    }
  }

  async run(): Promise<Report> {
    const { faultsMs, mortal, deploys, chaos } = this.#scenario;
    // where nodes come and go the first of them comes later
    for (const process of this.#processes) if (!deploys || process !== this.#processes[0]) process.start();
    if (chaos) this.#chaos.begin();
    if (deploys) this.#chaos.deploy();
    if (this.#loss !== undefined)
      this.#time.after(this.#surroundings.between(1_200, 3_500), () => this.#chaos.loseLog(this.#loss!));
    this.#beginClients();
    await this.#time.runUntil(faultsMs);
    this.#chaos.heal();
    await this.#time.runUntil(faultsMs + HEAL_MS);
    this.#surroundings.stopped = true;
    await this.#time.runUntil(faultsMs + HEAL_MS + END_MS);
    if (mortal) await this.#time.runUntil(this.#time.now() + VISITS_OVER_MS);
    await this.#judge();
    this.#loss?.close();
    return this.#report();
  }

  #beginClients(): void {
    for (let i = 0; i < this.#processes.length; i++) {
      const process = this.#processes[i]!;
      if (this.#scenario.mortal) {
        for (const atMs of [400, 900]) this.#time.after(atMs + i * 17, () => void this.#visits.visitor(process));
        // some others, so that records come and go
        if (i > 0) continue;
      }
      this.#time.after(300 + i * 7, () => void this.#diarists.client(process, `c${i}`));
      this.#time.after(500 + i * 11, () => void this.#diarists.holder(process, `h${i}`));
      this.#time.after(600 + i * 13, () => void this.#diarists.reader(process));
      if (this.#talliers !== undefined) this.#time.after(400 + i * 17, () => void this.#talliers!.tallier(process, `w${i}`));
    }
  }

  async #judge(): Promise<void> {
    const verdict = new Verdict(this.#surroundings, this.#processes);
    await verdict.judgeDiaries();
    await this.#talliers?.judge(this.#processes);
    verdict.compareReplicas();
    for (const process of this.#processes) this.#visits.check(process);
  }

  #report(): Report {
    const { told, fingerprint, pauseMs } = this.#surroundings;
    return {
      seed: this.#seed,
      violations: this.#history.violations,
      trace: fingerprint,
      acknowledged: told.ok,
      notStored: told['not-stored'],
      unknown: told.unknown,
      reads: this.#history.observations.length,
      takeovers: this.#takeovers(),
      faults: this.#chaos.count,
      merges: this.#diarists.merges,
      expired: this.#visits.expired,
      pauseMs,
    };
  }

  #clockFault(): ClockFault {
    if (!this.#scenario.mortal) return { rate: 1, skewMs: 0 };
    const { random } = this.#surroundings;
    const rate = 1 + (random() * 2 - 1) * CLOCK_DRIFT;
    // what drifts meanwhile must fit in, too
    return { rate, skewMs: (random() - 0.5) * (CLOCK_SKEW_MS - 60) };
  }

  #uniqueId(): string {
    const chance = Math.floor(this.#surroundings.random() * 0xffffffff).toString(36);
    return `u${(++this.#ids).toString(36)}x${chance}zzzzzzzzzzzzzz`.slice(0, 24);
  }

  #takeovers(): number {
    let epochs = 0;
    for (const process of this.#processes)
      for (const { machine } of process.node?.replicas ?? []) epochs = Math.max(epochs, machine.epoch);
    return epochs;
  }
}
