/**
 * The worst hour, in small: nodes are killed, drained and added at random while application servers change thousands of sessions.
 *
 * Invariant: what is returned is counted, not estimated: every session is read by a strong read in the end, and every replica is
 * compared with the others of its partition.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../src/testing/simulated-time.js';
import type { NatsServer } from '../nats-server.js';
import { until } from '../store/world.js';
import type { Counted } from './counting.js';
import { NodeProcess } from './node-process.js';
import type { States } from './replica-states.js';

export interface WorstHourOptions {
  readonly server: NatsServer;
  readonly seed: number;
  readonly sessions: number;
  readonly seconds: number;
  readonly nodes: number;
  /** Nodes that may come beside them. */
  readonly more: number;
  readonly applications: number;
  /** Writes at once of each application server. */
  readonly workers: number;
  readonly say?: (line: string) => void;
}

export interface Account {
  readonly acknowledged: number;
  readonly notStored: number;
  readonly unknown: number;
  /** Acknowledged writes that are not there. */
  readonly lost: number;
  /** Writes that are there and were neither acknowledged nor left unknown. */
  readonly duplicated: number;
  readonly replicas: number;
  /** Partitions of which two replicas differ. */
  readonly differing: readonly number[];
  readonly kills: number;
  readonly drains: number;
  readonly joins: number;
  /** Of acknowledged writes, sorted, in milliseconds. */
  readonly waitsMs: Float64Array;
}

const PARTITIONS = 16;
const BACKUPS = 1;

export async function worstHour(options: WorstHourOptions): Promise<Account> {
  const { server, seed, sessions, seconds, applications, workers, say = () => undefined } = options;
  const common = { cluster: `worst-hour-${seed}`, servers: server.url, partitions: PARTITIONS, backups: BACKUPS };
  const hour = new Hour(options, (nodeId) => NodeProcess.start({ ...common, nodeId }));
  const writers: NodeProcess[] = [];
  try {
    await hour.begin();
    for (let i = 0; i < applications; i++)
      writers.push(await NodeProcess.start({ ...common, nodeId: `application-${i}`, role: 'client' }));
    const share = Math.ceil(sessions / applications);
    await Promise.all(
      writers.map((each, i) => each.tell({ do: 'make', from: i * share, to: Math.min(sessions, (i + 1) * share) })),
    );
    say(`${sessions} sessions, ${seconds} s of load from ${applications} application servers`);
    await Promise.all(writers.map((each, i) => each.tell({ do: 'count', writer: `w${i}`, sessions, workers })));
    await hour.run(seconds * 1_000);
    const told = await Promise.all(writers.map((each) => each.tell<Counted>({ do: 'stop count' })));
    const found = await writers[0]!.tell<Readonly<Record<string, number>>[]>({ do: 'counts', sessions });
    const replicas = await hour.compare();
    return { ...balance(told, found), ...replicas, ...hour.events };
  } finally {
    await Promise.all([...writers.map((each) => each.end()), hour.end()]);
  }
}

type Balance = Pick<Account, 'acknowledged' | 'notStored' | 'unknown' | 'lost' | 'duplicated' | 'waitsMs'>;

export function balance(told: readonly Counted[], found: readonly Readonly<Record<string, number>>[]): Balance {
  const sum = { acknowledged: 0, notStored: 0, unknown: 0, lost: 0, duplicated: 0 };
  for (const [writer, { acknowledged, unknown, notStored }] of told.entries()) {
    sum.notStored += notStored;
    for (const [session, stored] of acknowledged.entries()) {
      const there = found[session]?.[`w${writer}`] ?? 0;
      sum.acknowledged += stored;
      sum.unknown += unknown[session]!;
      sum.lost += Math.max(0, stored - there);
      sum.duplicated += Math.max(0, there - stored - unknown[session]!);
    }
  }
  return { ...sum, waitsMs: Float64Array.from(told.flatMap(({ waitsMs }) => [...waitsMs])).toSorted() };
}

/** The nodes, and what happens to them. */
class Hour {
  readonly #random: () => number;
  readonly #options: WorstHourOptions;
  readonly #startNode: (name: string) => Promise<NodeProcess>;
  readonly #nodes = new Map<string, NodeProcess>();
  /** Being started, drained or killed. */
  readonly #underWay = new Map<string, Promise<void>>();
  readonly events = { kills: 0, drains: 0, joins: 0 };

  constructor(options: WorstHourOptions, startNode: (name: string) => Promise<NodeProcess>) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#startNode = startNode;
  }

  async begin(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.nodes }, (_, i) => this.#join(`node-${i}`)));
    this.events.joins = 0;
  }

  async run(ms: number): Promise<void> {
    const untilMs = performance.now() + ms;
    while (performance.now() < untilMs) {
      await sleep(Math.min(500 + this.#random() * 1_500, Math.max(0, untilMs - performance.now())));
      this.#step();
    }
    await Promise.all(this.#underWay.values());
  }

  /** Compares every replica with the others of its partition, once nothing is under way any more. */
  async compare(): Promise<Pick<Account, 'replicas' | 'differing'>> {
    let all: States[] = [];
    const wanted = PARTITIONS * Math.min(this.#nodes.size, BACKUPS + 1);
    await until('every partition has its replicas, and all stand at the same record', async () => {
      all = await Promise.all([...this.#nodes.values()].map((node) => node.tell<States>({ do: 'states' })));
      const positions = new Set(all.flatMap((states) => [...states].map(([at, { applied }]) => `${at}@${applied}`)));
      return all.reduce((count, { size }) => count + size, 0) === wanted && positions.size === PARTITIONS;
    });
    const differing = Array.from({ length: PARTITIONS }, (_, at) => at).filter(
      (at) => new Set(all.flatMap((states) => states.get(at)?.digest ?? [])).size !== 1,
    );
    return { replicas: wanted, differing };
  }

  async end(): Promise<void> {
    await Promise.allSettled(this.#underWay.values());
    await Promise.all([...this.#nodes.values()].map((node) => node.end()));
  }

  #step(): void {
    const { nodes, more, say = () => undefined } = this.#options;
    const name = `node-${Math.floor(this.#random() * (nodes + more))}`;
    const dice = this.#random();
    if (this.#underWay.has(name)) return;
    const node = this.#nodes.get(name);
    const kill = dice < 0.5;
    if (node === undefined) say(`  ${name} joins`);
    else if (this.#nodes.size - this.#underWay.size > 1) say(`  ${name} is ${kill ? 'killed' : 'drained'}`);
    else return;
    const doing = node === undefined ? this.#join(name) : kill ? this.#kill(name, node) : this.#drain(name, node);
    this.#underWay.set(
      name,
      doing.finally(() => this.#underWay.delete(name)),
    );
  }

  async #join(name: string): Promise<void> {
    this.events.joins++;
    this.#nodes.set(name, await this.#startNode(name));
  }

  async #kill(name: string, node: NodeProcess): Promise<void> {
    this.events.kills++;
    this.#nodes.delete(name);
    await node.kill();
    await this.#again(name);
  }

  async #drain(name: string, node: NodeProcess): Promise<void> {
    this.events.drains++;
    await node.tell({ do: 'drain' });
    this.#nodes.delete(name);
    await node.kill();
    await this.#again(name);
  }

  /** The nodes that were there from the beginning come back. */
  async #again(name: string): Promise<void> {
    await sleep(this.#random() * 1_000);
    if (Number(name.slice('node-'.length)) < this.#options.nodes) await this.#join(name);
  }
}
