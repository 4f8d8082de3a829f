/**
 * Fuzzes what a live cluster listens to: requests, questions for the status, presence, answers to its own questions, the frames of the
 * bus, its log and its snapshots. Several strangers speak at once, in bursts, as fast as they are heard.
 *
 * Invariant checked: whatever strangers say, every store goes on and serves, no acknowledged value is lost or changed, nothing grows
 * by what they make up, no shared prototype changes and no generation of the log is made. A run depends on its seed only as far as a
 * live cluster's answers do.
 */
import { connect as connectNats } from 'nats';
import type { NatsConnection } from 'nats';
import { Names } from '../../src/engine/nats/names.js';
import type { EngineConnection } from '../../src/engine/port.js';
import type { SessionStore } from '../../src/index.js';
import type { Message } from '../../src/node/message.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { nodeId, partition, revision, sequence, type NodeId } from '../../src/shared/ids.js';
import { realClock } from '../../src/testing/real-clock.js';
import { seededRandom } from '../../src/testing/simulated-time.js';
import { Bag, Counter, SESSIONS } from '../store/sessions.js';
import { TestCluster, until, type World } from '../store/world.js';
import type { Harvest } from './harvest.js';
import { Mutation } from './mutation.js';
import { Speech, STRANGER } from './speech.js';
import { holdPrototypes } from './targets.js';

export interface Heard {
  runs: number;
  /** By where it was said. */
  readonly said: Record<Place, number>;
  /** Reads that were answered while strangers spoke. */
  reads: number;
  /** Answers that the others got to what they asked a stranger. */
  replies: number;
  /** Those that were answered as malformed. */
  refused: number;
  slowestMs: number;
  /** Bytes by which the heap grew from the first check to the last, after collecting garbage; where the process can collect it. */
  grownBytes: number | undefined;
  /** The kinds of messages that were damaged. */
  readonly kinds: ReadonlySet<Message['kind']>;
}

export const PLACES = ['request', 'tell', 'look', 'presence', 'frame', 'log', 'snapshot'] as const;
type Place = (typeof PLACES)[number];
const SHARES: Readonly<Record<Place, number>> = { request: 6, tell: 3, look: 1, presence: 4, frame: 2, log: 1, snapshot: 1 };

/** A real server's frames can be damaged, too. */
type HostileWorld = Pick<World, 'engine'> & { readonly server?: { readonly url: string } };

const PARTITIONS = 2;
const VICTIMS = 8;
const STRANGERS = 4;
/** Messages of one stranger that are under way together. */
const BURST = 64;
/** Between two looks at whether everybody still serves. */
const ROUND = 10_000;
/** A request must be answered long before; generous, as others load the machine. */
const ANSWER_MS_MAX = 20_000;
const READ_MS_MAX = 1_000;
const GROWN_BYTES_MAX = 64 * 1024 * 1024;
/** What is not true is forgotten after a moment, so that there may be many rounds. */
const TIMING = {
  checkpointRecords: 64,
  checkpointIdleMs: 200,
  snapshotMs: 20,
  reportMs: 50,
  heartbeatMs: 40,
  absentMs: 400,
  calmMs: 100,
};

export class BrokenListener extends Error {
  override readonly name = 'BrokenListener';
}

/** @throws {BrokenListener} at the first thing that strangers can do and should not */
export async function fuzzListeners(
  world: HostileWorld,
  seeds: Harvest,
  seed: number,
  runs: number,
  told?: (done: number) => void,
): Promise<Heard> {
  const cluster = new TestCluster(world, { sessions: SESSIONS, partitions: PARTITIONS, backups: 1, timing: TIMING });
  const strangers: EngineConnection[] = [];
  let wire: NatsConnection | undefined;
  try {
    const stores = await cluster.connectMany(2);
    await cluster.backedUp(1);
    const client = await cluster.connect({ nodeId: 'client', role: 'client' });
    const join = async (node: NodeId, looksOnly: boolean): Promise<EngineConnection> => {
      const times = { clock: realClock, random: Math.random, timeoutMs: ANSWER_MS_MAX };
      const joined = await cluster.engine.connect({ cluster: cluster.name, generation: 1, node, looksOnly, ...times });
      strangers.push(joined);
      return joined;
    };
    const speakers: EngineConnection[] = [];
    for (let i = 0; i < STRANGERS; i++) speakers.push(await join(i === 0 ? STRANGER : nodeId(`stranger${i}`), false));
    const looker = await join(nodeId('looker'), true);
    if (world.server !== undefined) wire = await connectNats({ servers: world.server.url });
    return await new Siege(cluster, stores, client, { speakers, looker, wire }, seeds, seed).run(runs, told);
  } finally {
    await Promise.all(strangers.map((each) => each.close()));
    await wire?.close();
    await cluster.close();
  }
}

interface Strangers {
  readonly speakers: readonly EngineConnection[];
  readonly looker: EngineConnection;
  readonly wire: NatsConnection | undefined;
}

class Siege {
  readonly #cluster: TestCluster;
  readonly #stores: readonly SessionStore[];
  /** An application server, which believes whom it hears of as a primary. */
  readonly #client: SessionStore;
  readonly #strangers: Strangers;
  readonly #harvest: Harvest;
  readonly #mutation: Mutation;
  readonly #names: Names;
  readonly #places: readonly Place[];
  readonly #counts = new Map(Array.from({ length: VICTIMS }, (_, i) => [`victim ${i}`, 0]));
  #claims = 0;
  readonly #heard: Heard = {
    runs: 0,
    said: { request: 0, tell: 0, look: 0, presence: 0, frame: 0, log: 0, snapshot: 0 },
    reads: 0,
    replies: 0,
    refused: 0,
    slowestMs: 0,
    grownBytes: undefined,
    kinds: new Set(),
  };

  constructor(
    cluster: TestCluster,
    stores: readonly SessionStore[],
    client: SessionStore,
    strangers: Strangers,
    harvest: Harvest,
    seed: number,
  ) {
    this.#cluster = cluster;
    this.#stores = stores;
    this.#client = client;
    this.#strangers = strangers;
    this.#harvest = harvest;
    this.#mutation = new Mutation(seededRandom(seed));
    this.#names = new Names(cluster.name, 1);
    const places = PLACES.filter((place) => place !== 'frame' || strangers.wire !== undefined);
    this.#places = places.flatMap((place) => Array.from({ length: SHARES[place] }, () => place));
  }

  async run(runs: number, told?: (done: number) => void): Promise<Heard> {
    for (const [i, id] of [...this.#counts.keys()].entries()) await this.#stores[i % 2]!.create(Counter, {}, { id });
    let before: number | undefined;
    let speech!: Speech;
    const asked = this.#strangers.speakers[0]!.bus.serve(() => {
      this.#heard.replies++;
      return speech.reply();
    });
    while (this.#heard.runs < runs) {
      // in the terms and versions of now
      speech = new Speech(this.#mutation, this.#harvest, this.#cluster, this.#stores, [...this.#counts.keys()]);
      Object.assign(this.#heard, { kinds: speech.kinds });
      await this.#storm(speech, Math.min(ROUND, runs - this.#heard.runs));
      await this.#holds();
      const bytes = heapBytes();
      before ??= bytes;
      if (bytes !== undefined && before !== undefined) this.#heard.grownBytes = bytes - before;
      told?.(this.#heard.runs);
    }
    asked.stop();
    if ((this.#heard.grownBytes ?? 0) > GROWN_BYTES_MAX)
      throw new BrokenListener(`the heap grew by ${this.#heard.grownBytes} bytes over ${runs} messages`);
    return this.#heard;
  }

  async #storm(speech: Speech, count: number): Promise<void> {
    let left = count;
    const speak = async (from: EngineConnection): Promise<void> => {
      while (left > 0) {
        const burst = Math.min(BURST, left);
        left -= burst;
        const startedMs = performance.now();
        // believed until it is not repeated: now and then, so that others are heard again
        if (left % (BURST * 64) < BURST * 8) from.bus.announce(speech.claim(++this.#claims));
        await Promise.all(Array.from({ length: burst }, () => this.#say(speech, from)));
        this.#heard.slowestMs = Math.max(this.#heard.slowestMs, performance.now() - startedMs);
      }
    };
    await Promise.all([...this.#strangers.speakers.map(speak), this.#read(() => left > 0)]);
  }

  /** What is read meanwhile may be out of reach, and is never anything but what was acknowledged. */
  async #read(goesOn: () => boolean): Promise<void> {
    for (let i = 0; goesOn(); i++) {
      const id = `victim ${i % VICTIMS}`;
      let counter: Counter | undefined;
      try {
        counter = await this.#client.open(Counter, id, { consistency: 'primary', timeoutMs: READ_MS_MAX });
      } catch (error) {
        if (!(error instanceof TwinstateError) || error.code !== 'UNAVAILABLE') throw error;
        continue;
      }
      this.#heard.reads++;
      if (counter?.count !== this.#counts.get(id)) throw new BrokenListener(`${id} was read as ${counter?.count}`);
    }
  }

  async #say(speech: Speech, from: EngineConnection): Promise<void> {
    const place = this.#mutation.pick(this.#places);
    const to = nodeId(this.#mutation.pick(this.#stores).nodeId);
    this.#heard.runs++;
    this.#heard.said[place]++;
    switch (place) {
      case 'request':
        return this.#ask(from, to, speech);
      case 'look':
        return this.#ask(this.#strangers.looker, to, speech);
      case 'tell':
        return from.bus.tell(to, speech.message().bytes);
      case 'presence':
        return from.bus.announce(speech.message().bytes);
      case 'frame':
        return this.#frame(to, speech.frame());
      case 'log':
        return this.#append(from, speech.record());
      case 'snapshot':
        return this.#put(from, speech.stored());
    }
  }

  async #ask({ bus }: EngineConnection, to: NodeId, speech: Speech): Promise<void> {
    const { bytes, asks } = speech.message();
    // where no answer is due none is waited for
    if (asks !== 'an answer') return bus.tell(to, bytes);
    const result = await bus.request(to, bytes, ANSWER_MS_MAX);
    if (result.outcome === 'no-responders') throw new BrokenListener(`${to} listens no more after ${hex(bytes)}`);
    if (result.outcome === 'unknown') throw new BrokenListener(`${to} hangs at ${hex(bytes)}`);
    if (result.body[2] === MALFORMED) this.#heard.refused++;
  }

  #frame(to: NodeId, bytes: Uint8Array): void {
    const { wire } = this.#strangers;
    const subjects = [this.#names.node(to), this.#names.look(to), this.#names.presence];
    // nothing answers to where nobody listens
    wire!.publish(this.#mutation.pick(subjects), bytes, { reply: 'nobody.here' });
  }

  async #append({ log }: EngineConnection, record: Uint8Array): Promise<void> {
    const at = partition(this.#mutation.below(PARTITIONS));
    const tail = await log.read(at, sequence(Number.MAX_SAFE_INTEGER - 1));
    if (tail !== undefined) await log.append(at, tail.last, record);
  }

  async #put({ snapshots }: EngineConnection, value: Uint8Array): Promise<void> {
    const at = partition(this.#mutation.below(PARTITIONS));
    const key = `s:stranger ${this.#mutation.below(50)}`;
    const found = await snapshots.get(at, key);
    if (found !== undefined) await snapshots.put(at, key, value, found?.revision ?? revision(0));
  }

  /** Everybody serves, everything acknowledged is there, and nothing was made up. */
  async #holds(): Promise<void> {
    holdPrototypes();
    for (const [i, id] of [...this.#counts.keys()].entries()) {
      const store = this.#stores[(i + this.#heard.runs) % 2]!;
      const count = await store.update(Counter, id, (counter) => ++counter.count, { attempts: 100, timeoutMs: ANSWER_MS_MAX });
      const expected = this.#counts.get(id)! + 1;
      if (count !== expected) throw new BrokenListener(`${id} counts ${count}, not ${expected}`);
      this.#counts.set(id, expected);
    }
    const bag = await this.#stores[0]!.create(Bag, { value: 'x' });
    await this.#stores[1]!.destroy(Bag, this.#stores[0]!.idOf(bag));
    await holds('both nodes know each other and nobody else', () =>
      this.#stores.every((store) => {
        const known = this.#cluster.node(store).nodes;
        return known.length === this.#stores.length && this.#stores.every(({ nodeId: node }) => known.includes(nodeId(node)));
      }),
    );
    const generations = await this.#strangers.speakers[0]!.generations();
    if (generations !== undefined && generations.length !== 1)
      throw new BrokenListener(`strangers made the generations ${generations.join()}`);
    await holds('every partition is led by one and held by the other', () => {
      const roles = this.#stores.flatMap((store) =>
        this.#cluster.node(store).replicas.map(({ partition: at, machine }) => `${at} ${machine.role}`),
      );
      const wanted = Array.from({ length: PARTITIONS }, (_, at) => [`${at} leading`, `${at} following`]).flat();
      return roles.toSorted().join() === wanted.toSorted().join();
    });
    await holds('nobody else counts as a backup', () =>
      this.#stores.every((store) => {
        const backups = this.#cluster
          .node(store)
          .status()
          .replicas.flatMap((replica) => replica.backups);
        return backups.every(({ node }) => this.#stores.some((each) => each.nodeId === node));
      }),
    );
    for (const store of this.#stores) {
      const { members } = this.#cluster.node(store).status();
      // those that only say that they are application servers are kept longer, and are bounded
      if (members.length > MEMBERS_MAX) throw new BrokenListener(`${members.length} members are remembered`);
    }
  }
}

/** Rumours are forgotten when nobody repeats them, later on a machine that others load. */
function holds(what: string, isSo: () => boolean): Promise<void> {
  return until(what, isSo, ANSWER_MS_MAX * 3);
}

const MEMBERS_MAX = 1_024;
const MALFORMED = 6;

function heapBytes(): number | undefined {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) return undefined;
  gc();
  return process.memoryUsage().heapUsed + process.memoryUsage().external;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
