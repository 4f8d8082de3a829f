/**
 * The worlds in which stores are tested: the embedded engine, and a real nats-server. One suite, the same sentences in both.
 *
 * Invariant: every cluster has a name of its own, so tests share a server and nothing else; what a test connected is closed with
 * its cluster, also when it fails.
 */
import { memoryEngine } from '../../src/engine/memory/memory-engine.js';
import { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import { natsEngine } from '../../src/engine/nats/index.js';
import type { Engine } from '../../src/engine/port.js';
import { partitionOf } from '../../src/node/cluster-node.js';
import type { Timing } from '../../src/node/cluster-node.js';
import { sessionId } from '../../src/shared/ids.js';
import type { ClusterNode } from '../../src/node/cluster-node.js';
import type { AtRest } from '../../src/session/at-rest.js';
import { connectWith } from '../../src/store/connect.js';
import type { ConnectOptions } from '../../src/store/options.js';
import { REAL_RUNTIME } from '../../src/store/real-runtime.js';
import type { SessionStore } from '../../src/store/session-store.js';
import { startNatsServer } from '../nats-server.js';
import type { NatsServer } from '../nats-server.js';

export interface World {
  readonly name: string;
  /** Makes an engine for one cluster; all stores of that cluster use it. */
  engine(): Engine;
  /** Only where the world is real. */
  readonly server?: NatsServer;
  close(): Promise<void>;
}

export const WORLDS: readonly { readonly name: string; readonly open: () => Promise<World> }[] = [
  { name: 'the embedded engine', open: () => Promise.resolve(embeddedWorld()) },
  { name: 'a real nats-server', open: natsWorld },
];

export function embeddedWorld(): World {
  return {
    name: 'the embedded engine',
    engine: () => memoryEngine({ cluster: new MemoryCluster() }),
    close: () => Promise.resolve(),
  };
}

export async function natsWorld(): Promise<World> {
  const server = await startNatsServer();
  return {
    name: 'a real nats-server',
    server,
    engine: () => natsEngine({ servers: server.url }),
    close: () => server.stop(),
  };
}

let clusters = 0;

/** Stores of one cluster in this process, each on a connection of its own. */
export class TestCluster {
  readonly name = `t${process.pid}-${++clusters}`;
  readonly engine: Engine;
  readonly stores: SessionStore[] = [];
  readonly #defaults: Omit<ConnectOptions, 'engine' | 'cluster'>;
  readonly #nodes = new Map<SessionStore, ClusterNode<AtRest>>();

  constructor(world: Pick<World, 'engine'>, defaults: Omit<ConnectOptions, 'engine' | 'cluster'>) {
    this.engine = world.engine();
    this.#defaults = defaults;
  }

  async connect(options: Partial<ConnectOptions> = {}): Promise<SessionStore> {
    let node!: ClusterNode<AtRest>;
    const timing: Partial<Timing> = { settleMs: 60, ...this.#defaults.timing, ...options.timing };
    const all = { ...this.#defaults, cluster: this.name, engine: this.engine, ...options, timing };
    const store = await connectWith(all, REAL_RUNTIME, (made) => (node = made));
    this.stores.push(store);
    this.#nodes.set(store, node);
    return store;
  }

  /** Several at once, so that each knows of the others when it takes its replicas. */
  connectMany(count: number, options: Partial<ConnectOptions> = {}): Promise<SessionStore[]> {
    return Promise.all(Array.from({ length: count }, (_, i) => this.connect({ nodeId: `n${i}`, ...options })));
  }

  /** Waits until every partition has a primary that knows of so many live backups. */
  async backedUp(count: number): Promise<void> {
    const [store] = this.stores;
    const { partitions } = this.node(store!);
    const ids = new Map<number, string>();
    for (let i = 0; ids.size < partitions; i++) ids.set(partitionOf(sessionId(`probe ${i}`), partitions), `probe ${i}`);
    for (const id of ids.values()) {
      // refused for the backups it asks for, or, once they are here, because there is no such session
      await until('the backups are here', async () => {
        const code = await store!
          .touch(this.#defaults.sessions[0]!, id, { ack: { backups: count } })
          .catch((error: { code: string }) => error.code);
        return code === 'SESSION_GONE';
      });
    }
  }

  /** The node under a store: what it leads and holds. */
  node(store: SessionStore): ClusterNode<AtRest> {
    return this.#nodes.get(store)!;
  }

  /** The store whose node leads a partition, once one does. */
  async leader(partition = 0): Promise<SessionStore> {
    let leader: SessionStore | undefined;
    await until(`partition ${partition} is led`, () => {
      leader = this.stores.find((store) => this.node(store).led.some((led) => led === partition));
      return leader !== undefined;
    });
    return leader!;
  }

  async close(): Promise<void> {
    await Promise.all(this.stores.map((store) => store.close()));
  }
}

/** Generous: what has not come true by then never will. */
const UNTIL_MS_MAX = 20_000;

/** Waits until something holds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, msMax = UNTIL_MS_MAX): Promise<void> {
  const deadline = performance.now() + msMax;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`this never came true: ${what}`);
    await pause(10);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Describes a suite once for each world. */
export function inBothWorlds(title: string, suite: (world: () => World) => void): void {
  for (const { name, open } of WORLDS) {
    describe(`${title}, on ${name}`, function () {
      this.timeout(60_000);
      let world: World | undefined;
      before(async function () {
        // the first of all may have to fetch a server
        this.timeout(300_000);
        world = await open();
      });
      suite(() => world!);
      // behind the suite's own hooks: stores close before their server does
      after(() => world?.close());
    });
  }
}

/** A cluster for all tests of a suite, with so many stores. */
export function clusterOf(
  world: () => Pick<World, 'engine'>,
  count: number,
  defaults: Omit<ConnectOptions, 'engine' | 'cluster'>,
): () => TestCluster {
  let cluster: TestCluster | undefined;
  before(async () => {
    cluster = new TestCluster(world(), { partitions: 2, ...defaults });
    await cluster.connectMany(count);
    await cluster.backedUp(Math.min(count - 1, defaults.backups ?? 1));
  });
  after(() => cluster?.close());
  return () => cluster!;
}
