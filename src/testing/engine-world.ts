/**
 * What the conformance suite needs of the world around an engine, and the connections that one case makes in it.
 *
 * Invariant: every case works in clusters of its own, so cases may share a world; whatever a case opened is closed at its end,
 * also when it fails.
 */
import assert from 'node:assert/strict';
import type { Engine, EngineConnection, LogEntry, LogRead, RequestResult } from '../engine/port.js';
import type { Clock, Random } from '../shared/clock.js';
import {
  nodeId,
  partition,
  revision,
  sequence,
  type NodeId,
  type Partition,
  type Revision,
  type Sequence,
} from '../shared/ids.js';

/** A place in which engines of one kind can be made; what it cannot do, it leaves out, and the cases that need it are skipped. */
export interface EngineWorld {
  readonly clock: Clock;
  readonly random: Random;
  /** Makes an engine on this world; all of one world see the same clusters. */
  engine(options?: { readonly logBytesMax?: number }): Engine;
  /** Whether `logBytesMax` is honoured. */
  readonly limitsLog?: boolean;
  /** Restarts what the engine runs on; what was stored stays. */
  restart?(): Promise<void>;
  /** Lets nothing of these nodes get through, or of all nodes, until the function that it returns is called. */
  cut?(nodes: readonly NodeId[]): Promise<() => Promise<void>>;
  /** Loses the log of a generation, as a server does that comes back without its files; nothing else of the cluster. */
  lose?(cluster: string, generation: number): Promise<void>;
  close(): Promise<void>;
}

export interface EngineCase {
  /** A sentence that says what holds. */
  readonly name: string;
  /** What of an `EngineWorld` it needs beyond engines. */
  readonly needs?: readonly ('restart' | 'cut' | 'limitsLog' | 'lose')[];
  run(room: ConformanceRoom): Promise<void>;
}

/** Generous: a case that waits for so long has failed. */
const UNTIL_MS_MAX = 15_000;
const CONNECT_MS_MAX = 10_000;
const POLL_MS = 10;

/** One case's connections. */
export class ConformanceRoom {
  readonly world: EngineWorld;
  readonly cluster: string;
  readonly #open: EngineConnection[] = [];
  #nodes = 0;
  #closed = false;

  constructor(world: EngineWorld) {
    this.world = world;
    this.cluster = `conformance-${Math.floor(world.random() * 2 ** 48).toString(36)}`;
  }

  /** A node id that no other connection of this case has. */
  node(): NodeId {
    return nodeId(`node ${++this.#nodes}~${this.cluster}`);
  }

  async connect(
    options: {
      readonly engine?: Engine;
      readonly cluster?: string;
      readonly generation?: number | 'newest';
      readonly node?: NodeId;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<EngineConnection> {
    const { clock, random } = this.world;
    const connection = await (options.engine ?? this.world.engine()).connect({
      cluster: options.cluster ?? this.cluster,
      generation: options.generation ?? 1,
      node: options.node ?? this.node(),
      clock,
      random,
      timeoutMs: CONNECT_MS_MAX,
      signal: options.signal,
    });
    // one of several that were being made when another one failed
    if (this.#closed) await connection.close();
    this.#open.push(connection);
    return connection;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#open.map((connection) => connection.close()));
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.world.clock.after(ms, resolve);
    });
  }

  /** Waits until something holds. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const { clock } = this.world;
    const deadlineMs = clock.now() + UNTIL_MS_MAX;
    while (!(await holds())) {
      if (clock.now() > deadlineMs) assert.fail(`this never came true: ${what}`);
      await this.pause(POLL_MS);
    }
  }

  /** Repeats what may answer nothing. */
  async ask<T>(what: string, call: () => Promise<T | undefined>): Promise<T> {
    let answer: T | undefined;
    await this.until(`${what} is answered`, async () => (answer = await call()) !== undefined);
    return answer as T;
  }

  /** Reads to the end, page by page. */
  async readAll(connection: EngineConnection, of: Partition, after: Sequence = S0): Promise<LogEntry[]> {
    const entries: LogEntry[] = [];
    for (let at = after; ;) {
      const page: LogRead = await this.ask('a read', () => connection.log.read(of, at));
      entries.push(...page.entries);
      if (!page.truncated) return entries;
      at = page.entries.at(-1)!.sequence;
    }
  }

  /** Appends as the rules say: the same record at the same position until that position is occupied. */
  async occupy(connection: EngineConnection, of: Partition, expected: Sequence, record: Uint8Array): Promise<LogEntry> {
    let first: LogEntry | undefined;
    await this.until('the position is occupied', async () => {
      const result = await connection.log.append(of, expected, record);
      if (result.outcome === 'stored') first = { sequence: result.sequence, record };
      else if (result.outcome === 'refused') first = (await connection.log.read(of, expected, { bytesMax: 1 }))?.entries[0];
      return first !== undefined;
    });
    return first!;
  }

  /** Appends and insists. */
  async store(connection: EngineConnection, of: Partition, expected: Sequence, record: Uint8Array): Promise<Sequence> {
    const result = await connection.log.append(of, expected, record);
    assert.equal(result.outcome, 'stored', `an append behind ${expected} was not stored: ${JSON.stringify(result)}`);
    return (result as { sequence: Sequence }).sequence;
  }

  /** Puts and insists. */
  async put(
    connection: EngineConnection,
    of: Partition | undefined,
    key: string,
    value: Uint8Array,
    expected: Revision,
  ): Promise<Revision> {
    const result = await connection.snapshots.put(of, key, value, expected);
    assert.equal(result.outcome, 'stored', `a put of ${JSON.stringify(key)} was not stored: ${JSON.stringify(result)}`);
    return (result as { revision: Revision }).revision;
  }
}

export const P0 = partition(0);
export const P1 = partition(1);
export const S0 = sequence(0);
export const R0 = revision(0);

/** Names and keys that a server's subjects and files would choke on. */
export const ODD_NAMES: readonly string[] = [
  'a.b.*.>',
  '>',
  '*',
  ' ',
  'with spaces and\ttabs',
  'line\r\nbreak',
  '\u0000\u0001\u007f',
  'Grüße 👩‍👩‍👧 日本',
  'UPPER',
  'upper',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  '_bme',
  '$KV.x',
  '"quoted\\"',
  'a'.repeat(500),
  `${'a'.repeat(499)}b`,
  'ü'.repeat(250),
];

export const text = (value: string): Uint8Array => Buffer.from(value, 'utf8');
export const readText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

/** Bytes of which every stretch differs from every other, so that parts in a wrong order are seen. */
export function patterned(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

export function assertBytes(actual: Uint8Array | undefined, expected: Uint8Array, what: string): void {
  assert.ok(actual !== undefined, `${what} is missing`);
  assert.equal(actual.byteLength, expected.byteLength, `${what} has another length`);
  assert.ok(Buffer.compare(actual, expected) === 0, `${what} has other bytes`);
}

export function assertAnswered(result: RequestResult): Uint8Array {
  assert.equal(result.outcome, 'answered', `a request was not answered: ${JSON.stringify(result)}`);
  return (result as { body: Uint8Array }).body;
}

export async function assertRejects(promise: Promise<unknown>, code: string, what: string): Promise<void> {
  await assert.rejects(promise, (error: { code?: unknown }) => error.code === code, `${what} did not reject with ${code}`);
}
