/**
 * A whole cluster in one process, under a seeded scheduler: production stores, nodes and state machines; simulated time, log,
 * snapshots and bus; and faults.
 *
 * Invariant: a seed is a history. First anything may go wrong (safety), then everything is healed and the cluster must come back
 * by itself (liveness), and then what clients were told is held against what is there, on every replica.
 */
import { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import { placementOrder } from '../../src/replication/placement.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { partition } from '../../src/shared/ids.js';
import type { SessionStore } from '../../src/store/session-store.js';
import { SimulatedTime, seededRandom } from '../../src/testing/simulated-time.js';
import type { ClockFault } from '../../src/testing/simulated-time.js';
import { Diary } from './diary.js';
import { History } from './history.js';
import { LogLoss } from './log-loss.js';
import type { Told } from './history.js';
import { SimulatedProcess } from './process.js';
import { RandomFaults } from './random-faults.js';
import { Visit, Visits, VISITS_OVER_MS } from './visits.js';
import { contradictions, enter, Entered, Tally } from './tally.js';

export interface Scenario {
  readonly name: string;
  readonly nodes: number;
  /** Application servers that hold nothing. */
  readonly clients: number;
  readonly backups: number;
  readonly partitions: number;
  /** How long anything may go wrong, in virtual milliseconds. */
  readonly faultsMs: number;
  readonly takeover: 'fast' | 'strict';
  /** Whether processes crash, pause and are cut off, and whether the log is out at times. */
  readonly chaos: boolean;
  /** Whether messages are lost, late and repeated. */
  readonly lossy: boolean;
  /** Whether nodes are drained and started again, one after the other, as a deploy does; then no write may fail or wait for long. */
  readonly deploys?: boolean;
  /** Whether there are sessions that expire, and clocks that differ and run too fast or too slowly. */
  readonly mortal?: boolean;
  /** Whether the log is wiped or rolled back, while a node dies or stands still, or none does. */
  readonly losesLog?: boolean;
  /** What each process may keep of sessions, in bytes: what is more is passivated. */
  readonly memoryBytesMax?: number;
}

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  base: {
    name: 'base',
    nodes: 3,
    clients: 1,
    backups: 2,
    partitions: 1,
    faultsMs: 5_000,
    takeover: 'fast',
    chaos: true,
    lossy: true,
    deploys: false,
  },
  pair: {
    name: 'pair',
    nodes: 2,
    clients: 1,
    backups: 1,
    partitions: 2,
    faultsMs: 5_000,
    takeover: 'fast',
    chaos: true,
    lossy: true,
    deploys: false,
  },
  spread: {
    name: 'spread',
    nodes: 4,
    clients: 1,
    backups: 1,
    partitions: 3,
    faultsMs: 5_000,
    takeover: 'strict',
    chaos: true,
    lossy: true,
    deploys: false,
  },
  calm: {
    name: 'calm',
    nodes: 3,
    clients: 1,
    backups: 1,
    partitions: 1,
    faultsMs: 4_000,
    takeover: 'fast',
    chaos: false,
    lossy: false,
    deploys: false,
  },
  deploy: {
    name: 'deploy',
    nodes: 4,
    clients: 1,
    backups: 1,
    partitions: 3,
    faultsMs: 4_500,
    takeover: 'strict',
    chaos: false,
    lossy: false,
    deploys: true,
  },
  mortal: {
    name: 'mortal',
    nodes: 3,
    clients: 1,
    backups: 1,
    partitions: 2,
    faultsMs: 9_000,
    takeover: 'fast',
    chaos: true,
    lossy: true,
    mortal: true,
  },
  frugal: {
    name: 'frugal',
    nodes: 3,
    clients: 1,
    backups: 1,
    partitions: 2,
    faultsMs: 6_000,
    takeover: 'fast',
    chaos: true,
    lossy: true,
    mortal: true,
    memoryBytesMax: 0,
  },
  bereft: {
    name: 'bereft',
    nodes: 3,
    clients: 1,
    backups: 2,
    partitions: 1,
    faultsMs: 5_000,
    takeover: 'fast',
    chaos: false,
    lossy: true,
    losesLog: true,
    memoryBytesMax: 0,
  },
  lost: {
    name: 'lost',
    nodes: 3,
    clients: 1,
    backups: 2,
    partitions: 1,
    faultsMs: 5_000,
    takeover: 'fast',
    chaos: false,
    lossy: true,
    deploys: false,
    losesLog: true,
  },
};

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
/** Where nodes are only drained and started no commit waits longer: a handover takes some messages, and nobody suspects anybody. */
const PAUSE_MS_MAX = 100;
/** Nodes at work without which nothing is drained. */
const AT_WORK_MIN = 2;
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
const SESSIONS = ['s0', 's1', 'd0'];
const TALLIES = ['t0', 't1'];

export async function simulate(seed: number, scenario: Scenario, trace?: (line: string) => void): Promise<Report> {
  const world = new World(seed, scenario, trace);
  return world.run();
}

class World {
  readonly #seed: number;
  readonly #scenario: Scenario;
  readonly #time = new SimulatedTime();
  readonly #random: () => number;
  readonly #faults: RandomFaults;
  readonly #processes: SimulatedProcess[] = [];
  readonly #loss: LogLoss | undefined;
  readonly #history: History;
  readonly #cluster: MemoryCluster;
  readonly #entered = new Entered();
  /** Every third world has writers that follow merge rules, which cost more than all else in it. */
  readonly #tallies: boolean;
  readonly #trace: ((line: string) => void) | undefined;
  readonly #visits: Visits;
  #hash = 0;
  #ids = 0;
  #ops = 0;
  #stopped = false;
  #told = { ok: 0, 'not-stored': 0, unknown: 0 };
  #faultCount = 0;
  #merges = 0;
  #pauseMs = 0;
  /** The highest version that the wandering reader has seen, by session. */
  readonly #seen = new Map<string, number>();

  constructor(seed: number, scenario: Scenario, trace?: (line: string) => void) {
    this.#seed = seed;
    // what a lost log excuses is known of diaries only
    this.#tallies = scenario.losesLog !== true && seed % 3 === 1;
    this.#scenario = scenario;
    this.#loss = scenario.losesLog === true ? new LogLoss() : undefined;
    this.#history = new History(this.#loss);
    this.#trace = trace;
    this.#random = seededRandom(seed);
    this.#faults = new RandomFaults(this.#time, seededRandom(seed ^ 0x5bd1e995));
    this.#faults.active = scenario.lossy;
    this.#visits = new Visits({
      now: () => this.#time.now(),
      sleep: (ms) => this.#sleep(ms),
      random: this.#random,
      stopped: () => this.#stopped,
      note: (line) => this.#note(line),
      violation: (what) => this.#history.violation(what),
      expected: (error, where) => this.#expected(error, where),
      leaseMs: LEASE_MS,
    });
    const timing = { ...TIMING, ...(scenario.losesLog === true && LOSS_TIMING) };
    const cluster = (this.#cluster = new MemoryCluster({ faults: this.#faults, patienceMs: 400 }));
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
        sessions: [Diary, Tally, Visit],
        clock: this.#clockFault(),
        memoryBytesMax: scenario.memoryBytesMax,
      } as const;
      this.#processes.push(new SimulatedProcess(options, this.#time, cluster, this.#random, () => this.#uniqueId()));
    }
  }

  async run(): Promise<Report> {
    const { faultsMs } = this.#scenario;
    const { deploys } = this.#scenario;
    // where nodes come and go the first of them comes later
    for (const process of this.#processes) if (!deploys || process !== this.#processes[0]) process.start();
    if (this.#scenario.chaos) this.#chaos();
    if (deploys) this.#deploys();
    if (this.#loss !== undefined) this.#time.after(this.#between(1_200, 3_500), () => this.#loseLog(this.#loss!));
    for (let i = 0; i < this.#processes.length; i++) {
      const process = this.#processes[i]!;
      if (this.#scenario.mortal) {
        for (const atMs of [400, 900]) this.#time.after(atMs + i * 17, () => void this.#visits.visitor(process));
        // some others, so that records come and go
        if (i > 0 && this.#scenario.memoryBytesMax === undefined) continue;
      }
      this.#time.after(300 + i * 7, () => void this.#client(process, `c${i}`));
      this.#time.after(500 + i * 11, () => void this.#holder(process, `h${i}`));
      this.#time.after(600 + i * 13, () => void this.#reader(process));
      if (this.#tallies) this.#time.after(400 + i * 17, () => void this.#tallier(process, `w${i}`));
    }
    await this.#time.runUntil(faultsMs);
    this.#heal();
    await this.#time.runUntil(faultsMs + HEAL_MS);
    this.#stopped = true;
    // operations under way come to their end
    await this.#time.runUntil(faultsMs + HEAL_MS + 2_800);
    if (this.#scenario.mortal) await this.#time.runUntil(this.#time.now() + VISITS_OVER_MS);
    await this.#judge();
    this.#loss?.close();
    return {
      seed: this.#seed,
      violations: this.#history.violations,
      trace: (this.#hash >>> 0).toString(16).padStart(8, '0'),
      acknowledged: this.#told.ok,
      notStored: this.#told['not-stored'],
      unknown: this.#told.unknown,
      reads: this.#history.observations.length,
      takeovers: this.#takeovers(),
      faults: this.#faultCount,
      merges: this.#merges,
      expired: this.#visits.expired,
      pauseMs: this.#pauseMs,
    };
  }

  #clockFault(): ClockFault {
    if (!this.#scenario.mortal) return { rate: 1, skewMs: 0 };
    const rate = 1 + (this.#random() * 2 - 1) * CLOCK_DRIFT;
    // what drifts meanwhile must fit in, too
    return { rate, skewMs: (this.#random() - 0.5) * (CLOCK_SKEW_MS - 60) };
  }

  #uniqueId(): string {
    return `u${(++this.#ids).toString(36)}x${Math.floor(this.#random() * 0xffffffff).toString(36)}zzzzzzzzzzzzzz`.slice(0, 24);
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #between(low: number, high: number): number {
    return low + Math.floor(this.#random() * (high - low + 1));
  }

  #note(line: string): void {
    const text = `${this.#time.now().toFixed(0)} ${line}`;
    for (let i = 0; i < text.length; i++) this.#hash = Math.imul(this.#hash ^ text.charCodeAt(i), 0x01000193);
    this.#trace?.(text);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#time.after(ms, resolve));
  }

  // ---- faults

  #chaos(): void {
    const step = (): void => {
      if (this.#time.now() > this.#scenario.faultsMs) return;
      this.#time.after(this.#between(150, 1_200), step);
      const process = this.#processes[this.#between(0, this.#processes.length - 1)]!;
      const dice = this.#random();
      if (!process.up) {
        if (this.#chance(0.7)) process.start();
        return;
      }
      this.#faultCount++;
      if (dice < 0.3) {
        this.#note(`kill ${process.options.name}`);
        process.kill();
        this.#time.after(this.#between(50, 3_000), () => process.up || process.start());
      } else if (dice < 0.55) {
        this.#note(`pause ${process.options.name}`);
        process.pause();
        const { clock } = process;
        this.#time.after(this.#between(50, 4_000), () => clock.resume());
      } else if (dice < 0.8) {
        this.#note(`cut ${process.options.name}`);
        process.cutOff();
        this.#time.after(this.#between(30, 4_000), () => process.mend());
      } else if (dice < 0.9) {
        this.#note('log out');
        this.#faults.logOut = true;
        this.#time.after(this.#between(100, 1_500), () => (this.#faults.logOut = false));
      } else if (process.store !== undefined) {
        this.#drain(process, this.#between(50, 3_000));
      }
    };
    this.#time.after(800, step);
  }

  #drain(process: SimulatedProcess, downMs: number): void {
    const { name } = process.options;
    this.#note(`drain ${name}`);
    const again = (): void => {
      this.#note(`drained ${name}`);
      this.#time.after(downMs, () => process.up || process.start());
    };
    void process.drain(this.#between(300, 2_500)).then(again);
  }

  /** Drains nodes and starts them again; never so many that nobody is left to hand over to. */
  #deploys(): void {
    const draining = new Set<SimulatedProcess>();
    const step = (): void => {
      if (this.#time.now() > this.#scenario.faultsMs - 1_000) return;
      this.#time.after(this.#between(200, 900), step);
      const process = this.#processes[this.#between(0, this.#scenario.nodes - 1)]!;
      if (!process.up) return process.start();
      const atWork = this.#processes.filter(({ options, store }) => options.role === 'node' && store !== undefined);
      const others = atWork.filter((each) => each !== process && !draining.has(each));
      if (process.store === undefined || draining.has(process) || others.length < AT_WORK_MIN) return;
      this.#faultCount++;
      this.#note(`deploy ${process.options.name}`);
      draining.add(process);
      void process.drain(2_500).then(() => {
        draining.delete(process);
        this.#note(`deployed ${process.options.name}`);
        this.#time.after(this.#between(50, 1_500), () => process.up || process.start());
      });
    };
    this.#time.after(900, step);
  }

  /** The log is wiped, with the snapshots or without them, or loses its newest records; a node dies, stands still, or none does. */
  #loseLog(loss: LogLoss): void {
    const nodes = this.#processes.filter(({ options, up }) => up && options.role === 'node');
    const process = nodes[this.#between(0, nodes.length - 1)]!;
    const dice = this.#random();
    const who = dice < 0.4 ? 'nobody' : dice < 0.7 ? 'killed' : 'paused';
    const generation = this.#cluster.generations('simulated').at(-1)!;
    const stored = this.#cluster.generation('simulated', generation);
    const lose = (): void => {
      this.#faultCount++;
      loss.happened(this.#time.now(), who);
      const how = this.#random();
      const records = this.#between(1, 6);
      this.#note(
        `lose generation ${generation}: ${how < 0.4 ? 'log' : how < 0.7 ? 'all' : `${records} records`}, ${who} ${process.options.name}`,
      );
      if (how < 0.7) stored.wipe({ snapshots: how >= 0.4 });
      else stored.rollBack(partition(0), records);
      if (who !== 'killed') return;
      process.kill();
      this.#time.after(this.#between(50, 3_000), () => process.up || process.start());
    };
    if (who !== 'paused') return lose();
    process.pause();
    const { clock } = process;
    this.#time.after(this.#between(100, 900), lose);
    this.#time.after(this.#between(1_000, 3_500), () => clock.resume());
  }

  #heal(): void {
    this.#note('heal');
    this.#faults.active = false;
    this.#faults.logOut = false;
    for (const process of this.#processes) {
      if (!process.up) process.start();
      process.resume();
      process.mend();
    }
  }

  // ---- clients

  /** Changes sessions by `update`, reads them, destroys and creates them anew. */
  async #client(process: SimulatedProcess, name: string): Promise<void> {
    while (!this.#stopped) {
      await this.#sleep(this.#between(5, 160));
      const { store } = process;
      if (store === undefined || !process.clock.running || this.#stopped) continue;
      const session = SESSIONS[this.#between(0, SESSIONS.length - 1)]!;
      const dice = this.#random();
      if (dice < 0.45) await this.#append(process, store, session, name);
      else if (dice < 0.75) await this.#read(process, store, session, this.#chance(0.4) ? 'strong' : 'primary');
      else if (dice < 0.85) await this.#wander(process, store, session);
      else if (dice < 0.9 && session.startsWith('d')) await this.#destroy(process, store, session);
      else await this.#create(process, store, session);
    }
  }

  /** Only reads: what a process that is cut off still believes is seen here. */
  async #reader(process: SimulatedProcess): Promise<void> {
    while (!this.#stopped) {
      await this.#sleep(this.#between(20, 250));
      const { store } = process;
      if (store === undefined || !process.clock.running || this.#stopped) continue;
      await this.#read(process, store, SESSIONS[this.#between(0, SESSIONS.length - 1)]!, 'primary');
    }
  }

  async #append(process: SimulatedProcess, store: SessionStore, session: string, name: string): Promise<void> {
    const op = `${name}.${++this.#ops}`;
    let life = '';
    let version = 0;
    let held: Diary | undefined;
    const ack = this.#chance(0.2) ? ({ backups: 1 } as const) : 'log';
    const told = await this.#tell(process, async () => {
      await store.update(
        Diary,
        session,
        (diary) => {
          life = diary.life;
          held = diary;
          diary.entries.push(op);
          // an object that everybody keeps and changes
          const page = diary.pages.find(({ by }) => by === name);
          if (page === undefined) diary.pages.push({ by: name, text: op });
          else page.text = op;
        },
        { timeoutMs: 2_500, ack },
      );
      version = store.versionOf(held!);
    });
    this.#note(`${name} append ${op} to ${session}: ${told} ${version}`);
    if (told !== undefined && life !== '') {
      this.#history.append({ session, life, op, told, version, endedMs: this.#time.now(), held: ack !== 'log' });
    }
  }

  /** A reader who is sent from process to process, and never sees less than it has seen. */
  async #wander(process: SimulatedProcess, store: SessionStore, session: string): Promise<void> {
    const consistency = this.#chance(0.7) ? 'local' : 'primary';
    const atLeast = this.#seen.get(session) ?? 0;
    const seen = await this.#read(process, store, session, consistency, atLeast);
    if (seen === undefined) return;
    if (seen < atLeast)
      this.#history.violation(`${process.options.name} showed version ${seen} of ${session} to who has seen ${atLeast}`);
    this.#seen.set(session, Math.max(seen, this.#seen.get(session) ?? 0));
  }

  /** @returns the version that was seen */
  async #read(
    process: SimulatedProcess,
    store: SessionStore,
    session: string,
    consistency: 'strong' | 'primary' | 'local',
    atLeast?: number,
  ): Promise<number | undefined> {
    const askedMs = this.#time.now();
    try {
      const options = { consistency, timeoutMs: 2_000, ...(atLeast !== undefined && { atLeast }) };
      const diary = await this.#alive(process, store.open(Diary, session, options));
      if (diary === undefined || process.store !== store) return undefined;
      const version = store.versionOf(diary);
      const boundMs = this.#boundMs(consistency);
      const by = `${process.options.name} ${consistency}`;
      this.#history.observe({ session, life: diary.life, entries: diary.entries, version, askedMs, boundMs, by });
      return version;
    } catch (error) {
      this.#expected(error, 'read');
      return undefined;
    }
  }

  /** What was acknowledged so long before a read was asked for must be in it (rule 12). */
  #boundMs(consistency: 'strong' | 'primary' | 'local'): number {
    if (consistency === 'local') return Infinity;
    return consistency === 'strong' || this.#scenario.takeover === 'strict' ? 0 : LEASE_MS;
  }

  async #create(process: SimulatedProcess, store: SessionStore, session: string): Promise<void> {
    const life = `life${++this.#ops}`;
    const told = await this.#tell(
      process,
      async () => void (await store.create(Diary, { life }, { id: session, timeoutMs: 2_500 })),
    );
    this.#note(`create ${session} ${life}: ${told}`);
  }

  async #destroy(process: SimulatedProcess, store: SessionStore, session: string): Promise<void> {
    let life: string | undefined;
    const told = await this.#tell(process, async () => {
      life = (await store.open(Diary, session, { timeoutMs: 2_500, consistency: 'strong' }))?.life;
      await store.destroy(Diary, session, { timeoutMs: 2_500 });
    });
    this.#note(`destroy ${session}: ${told}`);
    // what was seen before the destroy is ended by it, whoever ended it
    if (told === 'ok' && life !== undefined) this.#history.destroyed(session, life, this.#time.now());
  }

  /** Keeps an instance open, commits it again and again, several at once, and refreshes it when it is told to. */
  async #holder(process: SimulatedProcess, name: string): Promise<void> {
    const session = SESSIONS[this.#between(0, SESSIONS.length - 1)]!;
    let of: SessionStore | undefined;
    let diary: Diary | undefined;
    while (!this.#stopped) {
      await this.#sleep(this.#between(20, 300));
      const { store } = process;
      if (store === undefined || !process.clock.running || this.#stopped) continue;
      try {
        if (of !== store || diary === undefined) {
          of = store;
          diary = undefined;
          diary = await this.#alive(process, store.open(Diary, session, { timeoutMs: 2_000 }));
          continue;
        }
        const committed: Promise<void>[] = [];
        for (let i = this.#between(1, 3); i > 0; i--) {
          const value = `${name}.${++this.#ops}`;
          const note = diary.notes.get(name);
          if (note === undefined || this.#chance(0.5)) diary.notes.set(name, { text: value });
          else note.text = value;
          committed.push(this.#noted(process, store, diary, `${session}/${diary.life}/${name}`, value));
        }
        await Promise.all(committed);
      } catch (error) {
        if (this.#expected(error, 'hold') === 'SESSION_GONE') diary = undefined;
      }
      try {
        if (diary !== undefined && process.store === store)
          await this.#alive(process, store.refresh(diary, { timeoutMs: 2_000 }));
      } catch (error) {
        this.#expected(error, 'refresh');
        diary = undefined;
      }
    }
  }

  async #noted(process: SimulatedProcess, store: SessionStore, diary: Diary, key: string, value: string): Promise<void> {
    const entry = this.#history.note(key, value);
    const told = await this.#tell(process, async () => {
      const before = store.versionOf(diary);
      const askedMs = this.#time.now();
      const { version } = await store.commit(diary, { timeoutMs: 2_500 });
      this.#waited(process, this.#time.now() - askedMs);
      if (version > before + 1) this.#merges++;
    });
    this.#note(`note ${key} ${value}: ${told}`);
    if (told !== undefined) entry.told = told;
  }

  #waited(process: SimulatedProcess, ms: number): void {
    if (!this.#scenario.deploys) return;
    this.#pauseMs = Math.max(this.#pauseMs, ms);
    if (ms > PAUSE_MS_MAX) this.#history.violation(`a deploy made a commit of ${process.options.name} wait for ${ms} ms`);
  }

  /** Commits what every other one changes too, now by `update`, now several at once on an instance that it keeps. */
  async #tallier(process: SimulatedProcess, writer: string): Promise<void> {
    const session = TALLIES[this.#between(0, TALLIES.length - 1)]!;
    let of: SessionStore | undefined;
    let held: Tally | undefined;
    while (!this.#stopped) {
      await this.#sleep(this.#between(60, 500));
      const { store } = process;
      if (store === undefined || !process.clock.running || this.#stopped) continue;
      if (of !== store) held = undefined;
      of = store;
      const options = { timeoutMs: 2_500 };
      if (held === undefined || this.#chance(0.3)) {
        await this.#enter(process, session, writer, async (op) => {
          await store.update(Tally, session, (tally) => enter(tally, op), { ...options, create: { life: session } });
        });
      } else {
        const tally = held;
        const commits: Promise<void>[] = [];
        for (let i = this.#between(1, 3); i > 0; i--) {
          commits.push(
            this.#enter(process, session, writer, async (op) => {
              enter(tally, op);
              await store.commit(tally, options);
            }),
          );
          if (this.#chance(0.3)) await this.#sleep(this.#between(1, 30));
        }
        await Promise.all(commits);
        // what was acknowledged is in it, and what was not leaves it stale
        this.#addsUp(tally, `${process.options.name} holds ${session}`);
      }
      try {
        if (held === undefined) held = await this.#alive(process, store.open(Tally, session, { timeoutMs: 2_000 }));
        else if (this.#chance(0.5)) await this.#alive(process, store.refresh(held, { timeoutMs: 2_000 }));
        if (held !== undefined && process.store === store) this.#addsUp(held, `${process.options.name} opened ${session}`);
      } catch (error) {
        this.#expected(error, 'tally');
        held = undefined;
      }
    }
  }

  async #enter(process: SimulatedProcess, session: string, writer: string, write: (op: string) => Promise<void>): Promise<void> {
    const op = `${writer}.${++this.#ops}:${this.#between(1, 9)}`;
    const entry = this.#entered.begin(session, op);
    const told = await this.#tell(process, () => write(op));
    this.#note(`enter ${op} in ${session}: ${told}`);
    if (told !== undefined) entry.told = told;
  }

  #addsUp(tally: Tally, where: string): void {
    for (const contradiction of contradictions(tally)) this.#history.violation(`${where}: ${contradiction}`);
  }

  async #judgeTallies(): Promise<void> {
    const final = new Map<string, readonly string[]>();
    const open = new Set<string>();
    for (const { store, options } of this.#processes) {
      for (const session of TALLIES) {
        const look = `${options.name} and ${session}`;
        open.add(look);
        store?.open(Tally, session, { consistency: 'strong', timeoutMs: 3_000 }).then(
          (tally) => {
            open.delete(look);
            if (tally === undefined) return;
            this.#addsUp(tally, `at the end ${look}`);
            const before = final.get(session);
            if (before !== undefined && before.join() !== tally.log.join())
              this.#history.violation(`two processes differ about ${session}`);
            final.set(session, tally.log);
          },
          (error: unknown) => this.#history.violation(`not live: ${look}: ${String(error)}`),
        );
      }
    }
    await this.#time.runUntil(this.#time.now() + 3_200);
    for (const look of open) this.#history.violation(`not live: a read did not end: ${look}`);
    for (const violation of this.#entered.violations(final)) this.#history.violation(violation);
  }

  /** Runs a write and says what its caller was told; `undefined` where the caller died first and was told nothing. */
  async #tell(process: SimulatedProcess, write: () => Promise<void>): Promise<Told | undefined> {
    const { clock } = process;
    const { died } = process;
    let told: Told;
    try {
      const ended = await Promise.race([write().then(() => 'written' as const), died.then(() => 'died' as const)]);
      if (ended === 'died') return undefined;
      told = 'ok';
    } catch (error) {
      const code = this.#expected(error, 'write');
      if (this.#scenario.deploys && !process.drains && code === 'UNAVAILABLE')
        this.#history.violation(`a deploy failed a write of ${process.options.name}`);
      const outcome = error instanceof TwinstateError ? error.outcome : undefined;
      told = outcome === 'stored' ? 'ok' : outcome === 'unknown' ? 'unknown' : 'not-stored';
    }
    if (clock.ended || process.clock !== clock) return undefined;
    this.#told[told]++;
    if (this.#scenario.deploys && !process.drains && told === 'unknown')
      this.#history.violation(`a deploy left the fate of a write of ${process.options.name} unknown`);
    return told;
  }

  /** What a process was asked, or nothing if it dies first. */
  #alive<T>(process: SimulatedProcess, asked: Promise<T>): Promise<T | undefined> {
    return Promise.race([asked, process.died.then(() => undefined)]);
  }

  get #mayLoseContent(): boolean {
    return this.#scenario.losesLog === true && this.#scenario.memoryBytesMax !== undefined;
  }

  /** Only these may come; anything else is a bug. */
  #expected(error: unknown, where: string): string {
    const code = error instanceof TwinstateError ? error.code : 'not typed';
    const fine = [
      'CONFLICT',
      'STALE_INSTANCE',
      'SESSION_GONE',
      'SESSION_EXISTS',
      'UNAVAILABLE',
      'NOT_ENOUGH_BACKUPS',
      'CLOSED',
      'TIMEOUT',
      // what was passivated when log and snapshots were lost together
      ...(this.#mayLoseContent ? ['SESSION_QUARANTINED'] : []),
    ];
    if (!fine.includes(code))
      this.#history.violation(`${where} failed with ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return code;
  }

  // ---- the end

  async #judge(): Promise<void> {
    const final = new Map<
      string,
      { life: string; entries: readonly string[]; notes: ReadonlyMap<string, { text: string }>; version: number }
    >();
    const looks: { by: string; session: string; failure: unknown; seen?: { diary: Diary; version: number } | undefined }[] = [];
    for (const process of this.#processes) {
      const { store } = process;
      const by = process.options.name;
      if (store === undefined) {
        this.#history.violation(`not healed: ${by} is not connected`);
        continue;
      }
      for (const session of SESSIONS) {
        const look: (typeof looks)[number] = { by, session, failure: 'it did not end' };
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
    await this.#time.runUntil(this.#time.now() + 3_200);
    for (const { by, session, failure, seen } of looks) {
      const lost = this.#mayLoseContent && failure instanceof TwinstateError && failure.code === 'SESSION_QUARANTINED';
      if (failure !== undefined && !lost) {
        this.#history.violation(
          `not live: ${by} cannot read ${session}: ${failure instanceof Error ? failure.message : JSON.stringify(failure)}`,
        );
      }
      if (seen === undefined) continue;
      const { life, entries, notes } = seen.diary;
      const before = final.get(session);
      if (
        before !== undefined &&
        (before.life !== life || before.entries.join() !== entries.join() || before.version !== seen.version)
      ) {
        this.#history.violation(`two processes differ about ${session}: version ${before.version} and ${seen.version}`);
      }
      final.set(session, { life, entries, notes, version: seen.version });
    }
    this.#history.check(final);
    if (this.#tallies) await this.#judgeTallies();
    this.#compareReplicas();
    for (const process of this.#processes) this.#visits.check(process);
  }

  /** Every replica of a partition that stands at the same position holds the same bytes. */
  #compareReplicas(): void {
    const seen = new Map<string, { readonly by: string; readonly state: string }>();
    let leaders = 0;
    for (const process of this.#processes) {
      for (const { machine, partition: at } of process.node?.replicas ?? []) {
        if (machine.role === 'leading') leaders++;
        if (machine.role !== 'leading' && machine.role !== 'following') {
          this.#history.violation(`not healed: ${process.options.name} is ${machine.role} in partition ${at}`);
          continue;
        }
        for (const state of machine.ledger.sessions.states()) {
          // its content is in the store, the same for all
          if (state.passive) continue;
          const body = state.body === undefined ? '' : Buffer.from(state.body.snapshot()).toString('base64');
          const key = `${at}@${machine.ledger.applied} ${state.id}`;
          const text = `${state.version} ${state.incarnation} ${state.dead} ${body}`;
          const other = seen.get(key);
          if (other !== undefined && other.state !== text)
            this.#history.violation(`replicas differ: ${process.options.name} and ${other.by} at ${key}`);
          seen.set(key, { by: process.options.name, state: text });
        }
      }
    }
    this.#checkPlacement();
    if (leaders !== this.#scenario.partitions)
      this.#history.violation(`${leaders} primaries for ${this.#scenario.partitions} partitions at the end`);
  }

  /** Replicas and leads have settled where placement wants them, none is missing and none too many. */
  #checkPlacement(): void {
    const { partitions, backups } = this.#scenario;
    const nodes = this.#processes.flatMap(({ node, options }) => (options.role === 'node' && node !== undefined ? [node] : []));
    for (let p = 0; p < partitions; p++) {
      const wanted = placementOrder(
        partition(p),
        nodes.map(({ self }) => self),
      ).slice(0, backups + 1);
      const held = nodes.filter((node) => node.holds(partition(p))).map(({ self }) => self);
      if (held.toSorted().join() !== wanted.toSorted().join())
        this.#history.violation(`not settled: partition ${p} is held by ${held.join()}, not by ${wanted.join()}`);
      const [leader] = nodes.filter((node) => node.led.includes(partition(p)));
      if (leader?.self !== wanted[0]) this.#history.violation(`not settled: ${leader?.self} leads ${p}, not ${wanted[0]}`);
    }
  }

  #takeovers(): number {
    let epochs = 0;
    for (const process of this.#processes)
      for (const { machine } of process.node?.replicas ?? []) epochs = Math.max(epochs, machine.epoch);
    return epochs;
  }
}
