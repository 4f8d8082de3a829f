/**
 * Fuzzes what a live cluster listens to: requests, presence, its log and its snapshots.
 *
 * Invariant checked: whatever strangers say, every store goes on and serves, no acknowledged value is lost or changed, nothing grows
 * by what they make up, no shared prototype changes and no generation of the log is made. What is said is a message of the cluster's
 * own, recorded as it went by and damaged, or noise; a run depends on its seed only as far as a live cluster's answers do.
 *
 * Not defended, and so not said here: a well-formed record in the log, or operation, of whoever may append or ask as a member does.
 */
import { decodeMessage, encodeMessage } from '../../src/node/message.js';
import { decodeRecord } from '../../src/replication/record.js';
import type { SessionStore } from '../../src/index.js';
import type { EngineConnection } from '../../src/engine/port.js';
import { nodeId, partition, revision, sequence, type NodeId } from '../../src/shared/ids.js';
import { seededRandom } from '../../src/testing/simulated-time.js';
import { Bag, Counter, SESSIONS } from '../store/sessions.js';
import { LogEye } from '../store/log-eye.js';
import { TestCluster, until, type World } from '../store/world.js';
import type { Harvest } from './harvest.js';
import { Mutation } from './mutation.js';
import { holdPrototypes } from './targets.js';

export interface Heard {
  runs: number;
  /** By where it was said. */
  readonly said: Record<Place, number>;
  /** Those that were answered as malformed. */
  refused: number;
  slowestMs: number;
  /** Bytes by which the heap grew from the first check to the last, after collecting garbage; where the process can collect it. */
  grownBytes: number | undefined;
}

type Place = 'request' | 'tell' | 'presence' | 'log' | 'snapshot';
const PLACES: readonly Place[] = ['request', 'request', 'request', 'tell', 'presence', 'presence', 'log', 'snapshot'];

const RECALL_STATES = ['none', 'claiming', 'lost', 'seeding', 'here'] as const;
const PARTITIONS = 2;
const VICTIMS = 8;
/** Between two looks at whether everybody still serves. */
const ROUND = 250;
/** A request must be answered, or dropped, long before; generous, as others load the machine. */
const ANSWER_MS_MAX = 20_000;
/** Where no answer is due none is waited for. */
const SILENT_MS = 20;
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
  world: Pick<World, 'engine'>,
  seeds: Harvest,
  seed: number,
  runs: number,
  told?: (done: number) => void,
): Promise<Heard> {
  const cluster = new TestCluster(world, { sessions: SESSIONS, partitions: PARTITIONS, backups: 1, timing: TIMING });
  try {
    const stores = await cluster.connectMany(2);
    await cluster.backedUp(1);
    const eye = await LogEye.open(cluster, PARTITIONS);
    try {
      return await new Siege(cluster, stores, eye.connection, seeds, seed).run(runs, told);
    } finally {
      await eye.close();
    }
  } finally {
    await cluster.close();
  }
}

class Siege {
  readonly #cluster: TestCluster;
  readonly #stores: readonly SessionStore[];
  readonly #stranger: EngineConnection;
  readonly #mutation: Mutation;
  readonly #messages: readonly Uint8Array[];
  readonly #records: readonly Uint8Array[];
  readonly #stored: readonly Uint8Array[];
  readonly #counts = new Map<string, number>();
  readonly #heard: Heard = {
    runs: 0,
    said: { request: 0, tell: 0, presence: 0, log: 0, snapshot: 0 },
    refused: 0,
    slowestMs: 0,
    grownBytes: undefined,
  };

  constructor(cluster: TestCluster, stores: readonly SessionStore[], stranger: EngineConnection, seeds: Harvest, seed: number) {
    this.#cluster = cluster;
    this.#stores = stores;
    this.#stranger = stranger;
    this.#mutation = new Mutation(seededRandom(seed));
    this.#messages = [...seeds.messages.map((bytes) => this.#ofThisCluster(bytes)), ...this.#rare()];
    this.#records = seeds.records;
    this.#stored = seeds.stored;
  }

  async run(runs: number, told?: (done: number) => void): Promise<Heard> {
    for (let i = 0; i < VICTIMS; i++) {
      await this.#stores[i % 2]!.create(Counter, {}, { id: `victim ${i}` });
      this.#counts.set(`victim ${i}`, 0);
    }
    let before: number | undefined;
    while (this.#heard.runs < runs) {
      const some = Math.min(ROUND, runs - this.#heard.runs);
      await Promise.all(Array.from({ length: some }, () => this.#say()));
      await this.#holds();
      const bytes = heapBytes();
      before ??= bytes;
      if (bytes !== undefined && before !== undefined) this.#heard.grownBytes = bytes - before;
      told?.(this.#heard.runs);
    }
    if ((this.#heard.grownBytes ?? 0) > GROWN_BYTES_MAX)
      throw new BrokenListener(`the heap grew by ${this.#heard.grownBytes} bytes over ${runs} messages`);
    return this.#heard;
  }

  /** Recorded names are another cluster's: half of them become those of nodes that are here. */
  #ofThisCluster(bytes: Uint8Array): Uint8Array {
    const own = this.#stores.map(({ nodeId: node }) => node);
    const text = Buffer.from(bytes)
      .toString('latin1')
      .replaceAll(/n[01]~[\w-]{12}/g, () => this.#mutation.pick(own));
    return Buffer.from(text, 'latin1');
  }

  /** What a cluster at peace says seldom or never, with names and terms that are true here. */
  #rare(): Uint8Array[] {
    return this.#stores.flatMap((store) => {
      const from = nodeId(store.nodeId);
      return this.#cluster.node(store).replicas.flatMap(({ partition: at, machine }) => {
        const { applied: position } = machine.ledger;
        const term = { partition: at, epoch: machine.epoch };
        const recalls = RECALL_STATES.map((state) => {
          const recall = { node: from, state, generation: 1, epoch: machine.epoch, position, identity: '' };
          return { kind: 'recall', partition: at, recall } as const;
        });
        const moves = [
          { kind: 'report', term, from, position },
          { kind: 'invite', term, from, position },
          { kind: 'release', term, from },
        ] as const;
        return [...recalls, ...moves].map((message) => encodeMessage(message));
      });
    });
  }

  async #say(): Promise<void> {
    const place = this.#mutation.pick(PLACES);
    const to = nodeId(this.#mutation.pick(this.#stores).nodeId);
    this.#heard.runs++;
    this.#heard.said[place]++;
    const startedMs = performance.now();
    if (place === 'log') await this.#append();
    else if (place === 'snapshot') await this.#put();
    else await this.#send(place, to, this.#message());
    this.#heard.slowestMs = Math.max(this.#heard.slowestMs, performance.now() - startedMs);
  }

  #message(): Uint8Array {
    for (;;) {
      const bytes = this.#mutation.of(this.#messages, false);
      // a well-formed operation is one that a member may make
      if (!isOperation(bytes)) return bytes;
    }
  }

  async #send(place: 'request' | 'tell' | 'presence', to: NodeId, bytes: Uint8Array): Promise<void> {
    const { bus } = this.#stranger;
    if (place === 'presence') return bus.announce(bytes);
    if (place === 'tell') return bus.tell(to, bytes);
    const waits = waitsFor(bytes) || isSilent(bytes);
    const result = await bus.request(to, bytes, waits ? SILENT_MS : ANSWER_MS_MAX);
    if (result.outcome === 'no-responders') throw new BrokenListener(`${to} listens no more after ${hex(bytes)}`);
    if (result.outcome === 'unknown' && !waits) throw new BrokenListener(`${to} hangs at ${hex(bytes)}`);
    if (result.outcome === 'answered' && result.body[2] === MALFORMED) this.#heard.refused++;
  }

  async #append(): Promise<void> {
    const at = partition(this.#mutation.below(PARTITIONS));
    const record = this.#mutation.of(this.#records, this.#mutation.below(2) === 0);
    if (isRecord(record)) return;
    const { log } = this.#stranger;
    const tail = await log.read(at, sequence(Number.MAX_SAFE_INTEGER - 1));
    if (tail !== undefined) await log.append(at, tail.last, record);
  }

  async #put(): Promise<void> {
    const at = partition(this.#mutation.below(PARTITIONS));
    const key = `s:stranger ${this.#mutation.below(50)}`;
    const { snapshots } = this.#stranger;
    const found = await snapshots.get(at, key);
    if (found !== undefined) await snapshots.put(at, key, this.#mutation.of(this.#stored, true), found?.revision ?? revision(0));
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
    await until('both nodes know each other and nobody else', () =>
      this.#stores.every((store) => {
        const known = this.#cluster.node(store).nodes;
        return known.length === this.#stores.length && this.#stores.every(({ nodeId: node }) => known.includes(nodeId(node)));
      }),
    );
    const generations = await this.#stranger.generations();
    if (generations !== undefined && generations.length !== 1)
      throw new BrokenListener(`strangers made the generations ${generations.join()}`);
    await until('every partition is led by one and held by the other', () => {
      const roles = this.#stores.flatMap((store) =>
        this.#cluster.node(store).replicas.map(({ partition: at, machine }) => `${at} ${machine.role}`),
      );
      const wanted = Array.from({ length: PARTITIONS }, (_, at) => [`${at} leading`, `${at} following`]).flat();
      return roles.toSorted().join() === wanted.toSorted().join();
    });
    for (const store of this.#stores) {
      const { members, replicas } = this.#cluster.node(store).status();
      const backups = replicas.flatMap((replica) => replica.backups.map(({ node }) => node));
      if (members.length > 200) throw new BrokenListener(`${members.length} members are remembered`);
      const stranger = backups.find((node) => !this.#stores.some((each) => each.nodeId === node));
      if (stranger !== undefined) throw new BrokenListener(`${JSON.stringify(stranger)} counts as a backup`);
    }
  }
}

const MALFORMED = 6;

function decoded(bytes: Uint8Array): ReturnType<typeof decodeMessage> | undefined {
  try {
    return decodeMessage(bytes);
  } catch {
    return undefined;
  }
}

function isOperation(bytes: Uint8Array): boolean {
  const message = decoded(bytes);
  return message?.kind === 'operate' || (message?.kind === 'batch' && message.parts.some(({ kind }) => kind === 'operate'));
}

/** Its answer may wait for a change. */
function waitsFor(bytes: Uint8Array): boolean {
  const message = decoded(bytes);
  if (message?.kind === 'batch') return message.parts.some((part) => part.kind === 'read' && part.waitMs > 0);
  return message?.kind === 'read' && message.waitMs > 0;
}

/** Nobody answers these. */
function isSilent(bytes: Uint8Array): boolean {
  const kind = decoded(bytes)?.kind;
  return kind === 'heartbeat' || kind === 'recall' || kind === 'report' || kind === 'release';
}

function isRecord(bytes: Uint8Array): boolean {
  try {
    decodeRecord(bytes);
    return true;
  } catch {
    return false;
  }
}

function heapBytes(): number | undefined {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) return undefined;
  gc();
  return process.memoryUsage().heapUsed + process.memoryUsage().external;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
