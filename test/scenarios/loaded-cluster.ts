/**
 * A cluster of real processes on a real NATS server, under a load that never stops, whose nodes a test starts, kills and drains.
 *
 * Invariant: in the end every acknowledged change is found exactly once, in every replica, and what was reported as not stored in
 * none; whatever happened to the nodes meanwhile.
 */
import { expect } from 'chai';
import { natsEngine } from '../../src/engine/nats/index.js';
import { connect } from '../../src/index.js';
import type { ConnectOptions, SessionStore } from '../../src/index.js';
import { placementOrder } from '../../src/replication/placement.js';
import { nodeId, partition } from '../../src/shared/ids.js';
import { until } from '../store/world.js';
import type { Held, Opened } from './child.js';
import { NodeProcess } from './node-process.js';
import { judge, Load, Tally } from './tally.js';

/** The acknowledgements that a load must still collect before a test goes on: the cluster works. */
const SOME = 60;

export interface Surroundings {
  /** Of the NATS servers. */
  readonly servers: readonly string[];
  readonly replicas?: number;
  readonly partitions: number;
  readonly backups: number;
  readonly sessions: number;
}

let clusters = 0;

export class LoadedCluster {
  readonly name: string;
  readonly nodes = new Map<string, NodeProcess>();
  readonly sessions: readonly string[];
  readonly #around: Surroundings;
  readonly #common: Omit<ConnectOptions, 'sessions' | 'engine'>;
  #application!: SessionStore;
  load!: Load;

  private constructor(around: Surroundings) {
    this.#around = around;
    this.sessions = Array.from({ length: around.sessions }, (_, i) => `s${i}`);
    this.name = `loaded-${++clusters}`;
    this.#common = { cluster: this.name, partitions: around.partitions, backups: around.backups };
  }

  static async start(names: readonly string[], around: Surroundings): Promise<LoadedCluster> {
    const cluster = new LoadedCluster(around);
    try {
      await Promise.all(names.map((name) => cluster.startNode(name)));
      const { servers, replicas } = around;
      const engine = natsEngine({ servers: [...servers], ...(replicas === undefined ? {} : { replicas }) });
      cluster.#application = await connect({ ...cluster.#common, sessions: [Tally], role: 'client', engine });
      await Promise.all(cluster.sessions.map((id) => cluster.#application.create(Tally, {}, { id, timeoutMs: 20_000 })));
      cluster.load = new Load(cluster.#application, 'app', cluster.sessions);
      await cluster.more();
    } catch (error) {
      await cluster.end();
      throw error;
    }
    return cluster;
  }

  async startNode(name: string): Promise<void> {
    const { servers, replicas } = this.#around;
    const options = { ...this.#common, nodeId: name, servers, ...(replicas === undefined ? {} : { replicas }) };
    this.nodes.set(name, await NodeProcess.start(options));
  }

  /** As a deploy ends a process. */
  async drainNode(name: string): Promise<void> {
    const node = this.nodes.get(name)!;
    await node.tell({ do: 'drain' });
    this.nodes.delete(name);
    await node.kill();
  }

  async killNode(name: string): Promise<void> {
    const node = this.nodes.get(name)!;
    this.nodes.delete(name);
    await node.kill();
  }

  /** Waits until the load has collected some more acknowledgements. */
  async more(withinMs?: number): Promise<void> {
    const before = this.load.told.acknowledged.length;
    await until('the load goes on', () => this.load.told.acknowledged.length >= before + SOME, withinMs);
  }

  /** Waits until every partition is led and held where placement wants it, and nowhere else. */
  async settled(): Promise<void> {
    await until('every partition is where it belongs', () => this.#isSettled());
  }

  /** Ends the load, and holds what it was told against what is there. @param deployed nothing was killed: no write may have failed */
  async judge(deployed: boolean): Promise<void> {
    const told = await this.load.stop();
    expect(await judge(this.#application, this.sessions, [told])).to.deep.equal([]);
    expect(told.unknown, 'whoever waits learns what became of it').to.deep.equal([]);
    if (deployed) expect(told.notStored, 'a deploy fails no write').to.deep.equal([]);
    await this.settled();
    for (const session of this.sessions) {
      const tally = (await this.#application.open(Tally, session, { consistency: 'strong' }))!;
      const atLeast = this.#application.versionOf(tally);
      for (const [name, node] of this.nodes) {
        const own = await node.tell<Opened>({ do: 'open', session, consistency: 'local', atLeast });
        expect(own.tokens, `${session} as ${name} holds it`).to.deep.equal(tally.tokens);
      }
    }
  }

  async end(): Promise<void> {
    await this.load?.stop();
    await this.#application?.close();
    await Promise.all([...this.nodes.values()].map((node) => node.end()));
  }

  async #isSettled(): Promise<boolean> {
    const { partitions, backups } = this.#around;
    const names = [...this.nodes.keys()].map(nodeId);
    const all = await Promise.all(
      [...this.nodes].map(async ([name, node]) => [name, await node.tell<Held>({ do: 'held' })] as const),
    );
    return Array.from({ length: partitions }, (_, p) => p).every((p) => {
      const [first, ...others] = placementOrder(partition(p), names).slice(0, backups + 1);
      return all.every(([name, { leads, follows }]) => {
        const place = name === first ? 'leads' : others.some((other) => other === name) ? 'follows' : 'none';
        return leads.includes(p) === (place === 'leads') && follows.includes(p) === (place === 'follows');
      });
    });
  }
}
