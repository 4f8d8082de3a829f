/**
 * Collects real bytes of every kind, as the seeds of the fuzzer: from a small cluster at work, and from the differencing engine.
 *
 * Invariant: nothing here knows a format. What processes write, store and say is taken as it goes by, so the seeds are always those
 * of the formats of the day.
 */
import { clusterStatus } from '../../src/index.js';
import { Benchmark } from '../../src/diff/index.js';
import { memoryEngine } from '../../src/engine/memory/memory-engine.js';
import type { Engine, EngineConnection } from '../../src/engine/port.js';
import { seededRandom } from '../../src/testing/simulated-time.js';
import { mutate, World, type Gene } from '../diff/world.js';
import { Bag, Cart, Counter, item, SESSIONS } from '../store/sessions.js';
import { pause, TestCluster } from '../store/world.js';

export interface Harvest {
  readonly snapshots: readonly Uint8Array[];
  /** Each with the snapshot that it follows. */
  readonly deltas: readonly { readonly base: Uint8Array; readonly delta: Uint8Array }[];
  readonly records: readonly Uint8Array[];
  readonly stored: readonly Uint8Array[];
  readonly messages: readonly Uint8Array[];
  readonly replies: readonly Uint8Array[];
}

const EACH_MAX = 160;
const HISTORIES = 60;
const TIMING = { checkpointRecords: 8, checkpointIdleMs: 50, snapshotMs: 10, reportMs: 20, heartbeatMs: 40 };

export async function harvest(seed: number): Promise<Harvest> {
  return { ...graphs(seed), ...(await traffic()) };
}

function graphs(seed: number): Pick<Harvest, 'snapshots' | 'deltas'> {
  const random = seededRandom(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const gene = (): Gene => [below(41), below(201), below(401), below(401)];
  const snapshots: Uint8Array[] = [];
  const deltas: { base: Uint8Array; delta: Uint8Array }[] = [];
  for (let i = 0; i < HISTORIES; i++) {
    const world = new World();
    for (let k = below(14); k > 0; k--) mutate(world, gene());
    const benchmark = Benchmark.of(world);
    const base = benchmark.snapshot();
    snapshots.push(base);
    for (let k = 1 + below(10); k > 0; k--) mutate(world, gene());
    const delta = benchmark.diff(world);
    if (delta !== null) deltas.push({ base, delta });
  }
  return { snapshots, deltas };
}

/** A cluster of two nodes and a client that does a little of everything; what it writes and says is taken down. */
async function traffic(): Promise<Omit<Harvest, 'snapshots' | 'deltas'>> {
  const seen = { records: new Seen(), stored: new Seen(), messages: new Seen(), replies: new Seen() };
  const cluster = new TestCluster(
    { engine: () => tapped(memoryEngine(), seen) },
    { sessions: SESSIONS, partitions: 2, backups: 1, timing: TIMING },
  );
  try {
    await cluster.connectMany(2);
    await cluster.backedUp(1);
    const client = await cluster.connect({ nodeId: 'client', role: 'client' });
    for (let i = 0; i < 6; i++) {
      const cart = await client.create(Cart, Cart.init);
      const id = client.idOf(cart);
      cart.items.push(item(`sku-${i}`, i));
      await client.commit(cart, { ack: { backups: 1 } });
      const held = (await client.open(Cart, id, { consistency: 'strong' }))!;
      await client.update(Cart, id, (each) => void each.notes.set('k', 'v'));
      held.coupon = 'SAVE10';
      await client.commit(held);
      await client.refresh(cart);
      const bag = await client.create(Bag, { value: { some: ['thing', 1.5, 10n, new Date(0)], bytes: Buffer.from('abc') } });
      await client.touch(Bag, client.idOf(bag));
      await client.destroy(Bag, client.idOf(bag));
      await client.update(Counter, `counter ${i % 2}`, (counter) => void counter.count++, { create: {} });
      await client.count(Cart);
      for await (const _ of client.list(Cart)) break;
    }
    await clusterStatus({ engine: cluster.engine, cluster: cluster.name, listenMs: 300 });
    // for what is written in the background
    await pause(300);
  } finally {
    await cluster.close();
  }
  const { records, stored, messages, replies } = seen;
  return { records: records.all, stored: stored.all, messages: messages.all, replies: replies.all };
}

/** Different byte strings, a bounded number of each size class, so that heartbeats do not crowd out the rest. */
class Seen {
  readonly #known = new Set<string>();
  readonly #ofKind = new Map<string, number>();
  readonly all: Uint8Array[] = [];

  add(bytes: Uint8Array): void {
    const text = Buffer.from(bytes).toString('latin1');
    // the first bytes say what it is
    const kind = text.slice(0, 4);
    const count = this.#ofKind.get(kind) ?? 0;
    if (this.#known.has(text) || count >= EACH_MAX / 8 || this.all.length >= EACH_MAX) return;
    this.#known.add(text);
    this.#ofKind.set(kind, count + 1);
    this.all.push(Uint8Array.from(bytes));
  }
}

function tapped(engine: Engine, seen: Readonly<Record<'records' | 'stored' | 'messages' | 'replies', Seen>>): Engine {
  return {
    name: engine.name,
    connect: async (request) => {
      const connection = await engine.connect(request);
      const log = wrap(connection.log, { append: ([, , record]) => seen.records.add(record) });
      const snapshots = wrap(connection.snapshots, {
        // without a partition it is the cluster's own state
        put: ([partition, , value]) => partition !== undefined && seen.stored.add(value),
      });
      const bus = wrap(connection.bus, {
        request: ([, body], result) => {
          seen.messages.add(body);
          const take = (reply: Awaited<typeof result>): void => {
            if (reply.outcome === 'answered') seen.replies.add(reply.body);
          };
          // who asked hears that the connection was closed
          result.then(take, () => undefined);
        },
        tell: ([, body]) => seen.messages.add(body),
        announce: ([body]) => seen.messages.add(body),
      });
      // an own property on an heir hides the original's
      return Object.create(connection, {
        log: { value: log },
        snapshots: { value: snapshots },
        bus: { value: bus },
        link: { get: () => connection.link },
        close: { value: () => connection.close() },
      }) as EngineConnection;
    },
  };
}

type Eye = (args: unknown[], result: unknown) => void;

/** The same object, with somebody who looks at what some of its methods are given and give. */
function wrap<T extends object>(
  target: T,
  eyes: { readonly [K in keyof T]?: T[K] extends (...args: infer A) => infer R ? (args: A, result: R) => void : never },
): T {
  return new Proxy(target, {
    get(object, property) {
      const method = Reflect.get(object, property) as unknown;
      if (typeof method !== 'function') return method;
      const eye: unknown = eyes[property as keyof T];
      return (...args: unknown[]): unknown => {
        const result: unknown = Reflect.apply(method, object, args);
        if (typeof eye === 'function') (eye as Eye)(args, result);
        return result;
      };
    },
  });
}
