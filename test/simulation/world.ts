/**
 * A whole cluster in one process, under a seeded scheduler: production stores, nodes and state machines; simulated time, log,
 * snapshots and bus; and faults.
 *
 * Invariant: a seed is a history. First anything may go wrong (safety), then everything is healed and the cluster must come back
 * by itself (liveness), and then what clients were told is held against what is there, on every replica.
 */
import { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import { SimulatedTime } from '../../src/testing/simulated-time.js';
import type { ClockFault } from '../../src/testing/simulated-time.js';
import { Actor } from './actor.js';
import { Chaos } from './chaos.js';
import { Dice } from './dice.js';
import { DIARIES, Diarists } from './diarists.js';
import { Diary, NewDiary } from './diary.js';
import { FaultBook } from './fault-book.js';
import type { FaultCounts, FaultEntry } from './fault-book.js';
import { planFaults } from './fault-plan.js';
import { History } from './history.js';
import { LogLoss } from './log-loss.js';
import { Outages } from './outages.js';
import { SimulatedProcess } from './process.js';
import { RandomFaults } from './random-faults.js';
import type { Restraint } from './restraint.js';
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
  readonly faults: FaultCounts;
  /** Every one of them, in the order in which they happened. */
  readonly struck: readonly FaultEntry[];
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
/** The exponent of a share of that: the smaller, the nearer to the ends. */
const EXTREMES = 0.25;
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
/** Handovers that have failed again and again, on a log that was full, are tried again after up to 3.2 s each. */
const SETTLE_MS = 7_000;
/** Clients go on for so long in a world that has come back. */
const CALM_MS = 300;
/** Operations under way come to their end. */
const END_MS = 2_800;
/** Of so many seeds one is given all its time although nothing is under way any more: what is late may still come. */
const PATIENT_SEEDS = 8;

/**
 * Runs the history of a seed.
 * @param trace hears every step, with its virtual time
 * @param restraint what is left out
 */
export async function simulate(
  seed: number,
  scenario: Scenario,
  trace?: (line: string) => void,
  restraint: Restraint = {},
): Promise<Report> {
  return new World(seed, { ...scenario, faultsMs: restraint.faultsMs ?? scenario.faultsMs }, restraint, trace).run();
}

/** Everybody's keys; the salts come from the seed, like all chance. */
const SEALED = { keys: [{ id: 'k1', key: new Uint8Array(32).fill(1) }] };

class World {
  readonly #seed: number;
  readonly #scenario: Scenario;
  readonly #restraint: Restraint;
  readonly #time = new SimulatedTime();
  readonly #surroundings: Surroundings;
  readonly #processes: SimulatedProcess[] = [];
  readonly #loss: LogLoss | undefined;
  readonly #history: History;
  readonly #book: FaultBook;
  readonly #faults: RandomFaults;
  readonly #chaos: Chaos;
  readonly #verdict: Verdict;
  readonly #diarists: Diarists;
  /** Every third world has writers that follow merge rules, which cost more than all else in it. */
  readonly #talliers: Talliers | undefined;
  readonly #visits: Visits;

  constructor(seed: number, scenario: Scenario, restraint: Restraint, trace?: (line: string) => void) {
    this.#seed = seed;
    this.#scenario = scenario;
    this.#restraint = restraint;
    this.#loss = scenario.losesLog === true ? new LogLoss(() => this.#faults.isNoisy) : undefined;
    this.#history = new History(this.#loss);
    const world = new Surroundings({ scenario, time: this.#time, history: this.#history, trace });
    this.#surroundings = world;
    this.#book = new FaultBook((line) => world.note(line), restraint.keep);
    const outages = new Outages(this.#time);
    this.#faults = new RandomFaults(this.#time, seed, this.#book, outages);
    this.#faults.active = scenario.lossy;
    const cluster = new MemoryCluster({ faults: this.#faults, patienceMs: 400 });
    const dice = new Dice(seed, 'chaos');
    this.#chaos = new Chaos({ world, processes: this.#processes, book: this.#book, outages, cluster, dice });
    const diaries = DIARIES.slice(0, restraint.diaries ?? DIARIES.length);
    this.#diarists = new Diarists(world, LEASE_MS * (1 + 2 * CLOCK_DRIFT), diaries);
    this.#verdict = new Verdict(world, this.#processes, diaries, this.#diarists.writers);
    // what a lost log excuses is known of diaries only
    this.#talliers =
      scenario.losesLog !== true && seed % 3 === 1 ? new Talliers(world, LEASE_MS * (1 + 2 * CLOCK_DRIFT)) : undefined;
    this.#visits = new Visits(world, LEASE_MS);
    this.#people(cluster);
  }

  async run(): Promise<Report> {
    const { faultsMs, mortal, deploys, chaos } = this.#scenario;
    const world = this.#surroundings;
    // that the log was lost may not have been found out yet, and all looks well
    const patient = this.#seed % PATIENT_SEEDS === 0 || this.#loss !== undefined;
    // where nodes come and go the first of them comes later
    for (const process of this.#processes) if (!deploys || process !== this.#processes[0]) process.start();
    if (chaos) this.#chaos.follow(planFaults(this.#scenario, new Dice(this.#seed, 'plan')));
    if (deploys) this.#chaos.deploy();
    if (this.#loss !== undefined) this.#chaos.loseLog(this.#loss);
    this.#beginClients();
    await this.#time.runUntil(faultsMs);
    this.#faults.active = false;
    this.#chaos.heal();
    await world.until(HEAL_MS, () => !patient && this.#verdict.unsettled().length === 0);
    await world.until(SETTLE_MS, () => this.#verdict.unsettled().length === 0);
    await this.#time.runUntil(world.now() + CALM_MS);
    world.stopped = true;
    await world.until(END_MS, () => !patient && world.acting === 0);
    if (mortal) await world.until(VISITS_OVER_MS, () => !patient && !this.#visits.anyLeft(this.#processes));
    // a follower that lagged behind what was given up meanwhile reads it again
    await world.until(SETTLE_MS, () => this.#verdict.unsettled().length === 0);
    await this.#judge();
    this.#loss?.close();
    return this.#report();
  }

  #people(cluster: MemoryCluster): void {
    const { scenario } = this.#surroundings;
    const timing = { ...TIMING, ...(scenario.losesLog === true && LOSS_TIMING) };
    const { backups, partitions, takeover } = scenario;
    for (let i = 0; i < scenario.nodes + scenario.clients; i++) {
      const role = i < scenario.nodes ? 'node' : 'client';
      const name = `${role[0]}${i}`;
      const { random } = new Dice(this.#seed, `process ${name}`);
      const editions = { old: [Diary, Tally, Visit], new: [NewDiary, Tally, Visit] };
      const clock = this.#clockFault(name);
      let ids = 0;
      const uniqueId = (): string =>
        `${name}${(++ids).toString(36)}x${Math.floor(random() * 0xffffffff).toString(36)}zzzzzzzzzzzzzz`.slice(0, 24);
      const { memoryBytesMax, laterFormat } = scenario;
      const encryption = scenario.sealed === true ? SEALED : undefined;
      const options = {
        name,
        role,
        backups,
        partitions,
        takeover,
        timing,
        encryption,
        editions,
        clock,
        laterFormat,
        memoryBytesMax,
      } as const;
      this.#processes.push(new SimulatedProcess(options, this.#time, cluster, random, uniqueId));
    }
  }

  #beginClients(): void {
    const begin = (atMs: number, name: string, process: SimulatedProcess, act: (actor: Actor) => Promise<void>): void => {
      if (this.#restraint.silent?.has(name) === true) return;
      this.#time.after(atMs, () => this.#surroundings.act(act(new Actor(this.#seed, name, process))));
    };
    for (let i = 0; i < this.#processes.length; i++) {
      const process = this.#processes[i]!;
      if (this.#scenario.mortal) {
        for (const atMs of [400, 900])
          begin(atMs + i * 17, `v${i}${atMs === 400 ? 'a' : 'b'}`, process, (actor) => this.#visits.visitor(actor));
        // some others, so that records come and go
        if (i > 0 && this.#scenario.memoryBytesMax === undefined) continue;
      }
      begin(300 + i * 7, `c${i}`, process, (actor) => this.#diarists.client(actor));
      begin(500 + i * 11, `h${i}`, process, (actor) => this.#diarists.holder(actor));
      begin(600 + i * 13, `r${i}`, process, (actor) => this.#diarists.reader(actor));
      const talliers = this.#talliers;
      if (talliers !== undefined) begin(400 + i * 17, `w${i}`, process, (actor) => talliers.tallier(actor));
    }
  }

  async #judge(): Promise<void> {
    for (const violation of this.#verdict.unsettled()) this.#history.violation(violation);
    await this.#verdict.judgeDiaries();
    await this.#talliers?.judge(this.#processes);
    // what a lost log excuses is not linearizable
    const { calls, damaged } = this.#surroundings;
    if (this.#loss === undefined)
      for (const contradiction of calls.contradictions(damaged)) this.#history.violation(`cannot be: ${contradiction}`);
    this.#verdict.compareReplicas();
    for (const process of this.#processes) this.#visits.check(process);
    for (const violation of this.#history.violations) this.#surroundings.note(`? ${violation}`);
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
      faults: this.#book.counts,
      struck: this.#book.struck,
      merges: this.#diarists.merges,
      expired: this.#visits.expired,
      pauseMs,
    };
  }

  #clockFault(name: string): ClockFault {
    if (!this.#scenario.chaos || !this.#book.strike('clock', `clock.${name}`, name)) return { rate: 1, skewMs: 0 };
    const { random } = new Dice(this.#seed, `clock ${name}`);
    const rate = 1 + (random() * 2 - 1) * CLOCK_DRIFT;
    // what drifts meanwhile must fit in, too
    // where sessions expire most clocks are at one end or the other: only far apart do they expire one too early
    const share = random();
    const end = this.#scenario.mortal === true ? share ** EXTREMES * (random() < 0.5 ? -1 : 1) : 2 * share - 1;
    return { rate, skewMs: (end / 2) * (CLOCK_SKEW_MS - 60) };
  }

  #takeovers(): number {
    let epochs = 0;
    for (const process of this.#processes)
      for (const { machine } of process.node?.replicas ?? []) epochs = Math.max(epochs, machine.epoch);
    return epochs;
  }
}
