/**
 * How long commits wait in virtual time when a node is killed, stands still, is cut off, drained, or comes back.
 *
 * Invariant: every message takes 1 to 4 milliseconds and none is lost, all timing is the product's own, and nothing else takes time;
 * so what is measured is what the protocol itself makes a commit wait, to the millisecond and the same for the same seed.
 */
import 'reflect-metadata';
import { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';
import type { ClusterNode } from '../../src/node/cluster-node.js';
import { partitionOf, placementOrder } from '../../src/replication/placement.js';
import { partition, sessionId } from '../../src/shared/ids.js';
import { SimulatedTime, seededRandom } from '../../src/testing/simulated-time.js';
import { SimulatedProcess } from './process.js';
import { FaultBook } from './fault-book.js';
import { Outages } from './outages.js';
import { RandomFaults } from './random-faults.js';

export const WAIT_KINDS = ['kill', 'stand still', 'cut off', 'drain', 'come back'] as const;
export type WaitKind = (typeof WAIT_KINDS)[number];

export interface Waits {
  /** Of every partition that the node led: for the first three from the fault to the first acknowledgement of a commit called after
   * it, else the longest gap between two acknowledgements. Milliseconds. */
  readonly waitsMs: Record<WaitKind, number[]>;
  /** The same of all other partitions meanwhile: their longest gap. */
  readonly othersMs: Record<WaitKind, number[]>;
  /** Terms that began although the primary before was there and did not hand over. */
  needless: number;
  failed: number;
}

@Session({ name: 'ticks' })
class Ticks {
  @Mutable() count = 0;
}

const NODES = 3;
const PARTITIONS = 8;
const BACKUPS = 1;
/** Between two commits of one session. */
const PACE_MS = 3;
/** How long a node stands still, or is cut off. */
const AWAY_MS = 3_000;
const SETTLE_MS_MAX = 20_000;
const LOOK_MS = 10;

interface Commit {
  readonly calledMs: number;
  readonly storedMs: number;
}

export async function measureWaits(seed: number, kinds: readonly WaitKind[] = WAIT_KINDS): Promise<Waits> {
  return new WaitingWorld(seed).run(kinds);
}

class WaitingWorld {
  readonly #time = new SimulatedTime();
  readonly #nodes: SimulatedProcess[] = [];
  readonly #client: SimulatedProcess;
  readonly #random: () => number;
  readonly #commits: Commit[][] = Array.from({ length: PARTITIONS }, () => []);
  readonly #waits: Waits = { waitsMs: none(), othersMs: none(), needless: 0, failed: 0 };
  #ids = 0;
  #stopped = false;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    const faults = new RandomFaults(this.#time, seed, new FaultBook(() => undefined), new Outages(this.#time));
    faults.active = false;
    const cluster = new MemoryCluster({ faults, patienceMs: 2_000 });
    const process = (name: string, role: 'node' | 'client'): SimulatedProcess => {
      const options = {
        name,
        role,
        backups: BACKUPS,
        partitions: PARTITIONS,
        takeover: 'fast',
        timing: {},
        editions: { old: [Ticks], new: [Ticks] },
      } as const;
      const uniqueId = (): string =>
        `u${(++this.#ids).toString(36)}x${Math.floor(this.#random() * 2 ** 32).toString(36)}`.padEnd(24, 'z');
      return new SimulatedProcess(options, this.#time, cluster, this.#random, uniqueId);
    };
    for (let i = 0; i < NODES; i++) this.#nodes.push(process(`n${i}`, 'node'));
    this.#client = process('c', 'client');
  }

  async run(kinds: readonly WaitKind[]): Promise<Waits> {
    for (const process of [...this.#nodes, this.#client]) process.start();
    await this.#settled();
    await this.#pass(200);
    for (let p = 0; p < PARTITIONS; p++) void this.#write(p);
    await this.#pass(500);
    for (const [i, kind] of kinds.entries()) {
      // where it comes back it was drained just before
      const node = this.#nodes[(kind === 'come back' ? i - 1 : i) % NODES]!;
      await this.#one(kind, node);
    }
    this.#stopped = true;
    await this.#pass(100);
    return this.#waits;
  }

  async #one(kind: WaitKind, process: SimulatedProcess): Promise<void> {
    if (kind !== 'come back') await this.#settled();
    await this.#pass(700 + Math.floor(this.#random() * 60));
    const fromMs = this.#time.now();
    const led = kind === 'come back' ? this.#dueTo(process) : process.node!.led;
    const before = this.#epochs();
    const graceful = kind === 'drain' || kind === 'come back';
    if (kind === 'kill') process.kill();
    else if (kind === 'stand still') process.pause();
    else if (kind === 'cut off') process.cutOff();
    else if (kind === 'drain') await this.#until('it has left', process.drain(30_000));
    else process.start();
    if (graceful) {
      if (kind === 'come back') await this.#settled();
      await this.#pass(150);
    } else {
      await this.#when('all partitions go on', () => led.every((p) => this.#firstAfter(p, fromMs) !== undefined));
    }
    const untilMs = this.#time.now();
    for (let p = 0; p < PARTITIONS; p++) {
      const moved = led.includes(partition(p));
      const ms = moved && !graceful ? this.#firstAfter(p, fromMs)! : this.#longestGap(p, fromMs, untilMs);
      this.#waits[moved ? 'waitsMs' : 'othersMs'][kind].push(ms);
    }
    const began = this.#epochs().filter((epoch, p) => epoch !== before[p]).length;
    this.#waits.needless += Math.max(0, began - led.length);
    if (kind === 'kill') process.start();
    if (kind === 'stand still' || kind === 'cut off') {
      await this.#pass(Math.max(0, AWAY_MS - (untilMs - fromMs)));
      if (kind === 'cut off') process.mend();
      else process.resume();
    }
  }

  async #write(p: number): Promise<void> {
    let id = '';
    for (let i = 0; id === ''; i++) if (partitionOf(sessionId(`t${i}`), PARTITIONS) === p) id = `t${i}`;
    const store = this.#client.store!;
    const ticks = await store.create(Ticks, {}, { id });
    while (!this.#stopped) {
      const calledMs = this.#time.now();
      ticks.count++;
      try {
        await store.commit(ticks, { timeoutMs: 20_000 });
        this.#commits[p]!.push({ calledMs, storedMs: this.#time.now() });
      } catch {
        this.#waits.failed++;
        await store.refresh(ticks).catch(() => undefined);
      }
      await new Promise<void>((resolve) => this.#time.after(PACE_MS, resolve));
    }
  }

  #firstAfter(p: number, ms: number): number | undefined {
    const first = this.#commits[p]!.find(({ calledMs }) => calledMs > ms);
    return first && first.storedMs - ms;
  }

  #longestGap(p: number, fromMs: number, untilMs: number): number {
    let longest = 0;
    const commits = this.#commits[p]!;
    for (let i = 1; i < commits.length; i++) {
      const { storedMs } = commits[i]!;
      if (storedMs > fromMs && storedMs <= untilMs) longest = Math.max(longest, storedMs - commits[i - 1]!.storedMs);
    }
    return longest;
  }

  /** The newest term of every partition that anybody knows. */
  #epochs(): number[] {
    return Array.from({ length: PARTITIONS }, (_, p) =>
      Math.max(
        ...this.#nodes.flatMap(({ node }) =>
          (node?.replicas ?? []).filter((each) => each.partition === p).map(({ machine }) => machine.epoch),
        ),
      ),
    );
  }

  /** Partitions that it should lead once it is here, as placement goes by names. */
  #dueTo(process: SimulatedProcess): number[] {
    const names = this.#nodes.map(({ options, node }) => (options === process.options ? `${options.name}~` : node!.self));
    const order = (p: number): readonly string[] => placementOrder(partition(p), names as ClusterNode<unknown>['self'][]);
    return Array.from({ length: PARTITIONS }, (_, p) => p).filter((p) => order(p)[0] === `${process.options.name}~`);
  }

  /** Every partition is led and held where placement wants it. */
  async #settled(): Promise<void> {
    await this.#when('everything has settled', () => {
      const nodes = this.#nodes.flatMap(({ node }) => node ?? []);
      if (nodes.length < NODES || this.#client.store === undefined) return false;
      return Array.from({ length: PARTITIONS }, (_, p) => p).every((p) => {
        const [first, ...others] = placementOrder(
          partition(p),
          nodes.map(({ self }) => self),
        ).slice(0, BACKUPS + 1);
        return nodes.every(({ self, replicas }) => {
          const role = replicas.find((each) => each.partition === p)?.machine.role;
          return role === (self === first ? 'leading' : others.includes(self) ? 'following' : undefined);
        });
      });
    });
  }

  async #when(what: string, is: () => boolean): Promise<void> {
    const untilMs = this.#time.now() + SETTLE_MS_MAX;
    while (!is()) {
      if (this.#time.now() > untilMs) throw new Error(`${what} did not come true in ${SETTLE_MS_MAX} virtual ms`);
      await this.#pass(LOOK_MS);
    }
  }

  async #until(what: string, promise: Promise<unknown>): Promise<void> {
    let done = false;
    void promise.then(() => (done = true));
    await this.#when(what, () => done);
  }

  #pass(ms: number): Promise<void> {
    return this.#time.runUntil(this.#time.now() + ms);
  }
}

function none(): Record<WaitKind, number[]> {
  return Object.fromEntries(WAIT_KINDS.map((kind) => [kind, [] as number[]])) as Record<WaitKind, number[]>;
}

/** The nearest-rank percentile; `NaN` of nothing. */
export function percentile(samples: readonly number[], part: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * part) - 1] ?? NaN;
}
