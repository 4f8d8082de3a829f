/**
 * Real processes on real NATS servers, each on lines of its own, for as many faults as one likes: three nodes, two application
 * servers, one server or three.
 *
 * Invariant: whatever was started here is ended by `end`, by its process id, or with this process at the latest, and no folder stays;
 * nothing is started after `end`. Every wait has a bound.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectNats } from 'nats';
import { startNatsCluster, startNatsServer } from '../nats-server.js';
import type { NatsServer } from '../nats-server.js';
import { NodeProcess } from '../scenarios/node-process.js';
import type { States } from '../scenarios/replica-states.js';
import { until } from '../store/world.js';
import { readJournal, readTakeovers } from './journal.js';
import type { NotedCall } from './journal.js';
import { Line } from './line.js';
import type { Calling } from './callers.js';
import type { Called, WorkerCommand, WorkerOptions } from './worker.js';

const PROGRAM = fileURLToPath(new URL('./worker.js', import.meta.url));
export const NODES: readonly string[] = ['a', 'b', 'c'];
const APPLICATIONS: readonly string[] = ['x', 'y'];
/** All that there always are. */
export const NAMES: readonly string[] = [...NODES, ...APPLICATIONS];
export const PARTITIONS = 4;
const BACKUPS = 1;
const LOST_MS = 2_500;
/** Generous, as other lanes load the machine: what has not come true by then never will. */
export const TRUE_MS_MAX = 240_000;
const ANSWERED_MS_MAX = 150_000;

/** Those of worlds that have not ended. */
const folders = new Set<string>();
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export type WorkerProcess = NodeProcess<WorkerCommand>;

interface Journaled {
  readonly path: string;
  readonly by: string;
}

export class FaultWorld {
  readonly #workers = new Map<string, WorkerProcess>();
  readonly servers: readonly NatsServer[];
  readonly isCluster: boolean;
  readonly takeover: 'fast' | 'strict';
  /** Nothing is stopped or cut off for longer. */
  readonly longestMs: number;
  readonly #cluster: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'twinstate-faults-'));
  readonly #lines = new Map<string, readonly Line[]>();
  #incarnations = 0;
  #files = 0;
  #calling: Calling | undefined;
  #journals: Journaled[] = [];
  #ended = false;

  private constructor(servers: readonly NatsServer[], cluster: string, takeover: 'fast' | 'strict', longestMs: number) {
    this.servers = servers;
    this.isCluster = servers.length > 1;
    this.#cluster = cluster;
    this.takeover = takeover;
    this.longestMs = longestMs;
    folders.add(this.#folder);
  }

  static async start(cluster: string, takeover: 'fast' | 'strict', isCluster: boolean, longestMs = 30_000): Promise<FaultWorld> {
    const servers = isCluster ? await startNatsCluster(3) : [await startNatsServer()];
    const world = new FaultWorld(servers, cluster, takeover, longestMs);
    try {
      if (isCluster) await world.#elected();
      for (const name of NAMES) await world.join(name);
      return world;
    } catch (error) {
      await world.end();
      throw error;
    }
  }

  get nodes(): string[] {
    return [...this.#workers.keys()].filter((name) => !APPLICATIONS.includes(name)).toSorted();
  }

  /** Starts a process, again or for the first time; it calls as all others do. */
  async join(name: string): Promise<void> {
    if (!this.#lines.has(name)) this.#lines.set(name, await Promise.all(this.servers.map(({ port }) => Line.open(port))));
    const options: WorkerOptions = {
      cluster: this.#cluster,
      nodeId: name,
      name: `${name}${++this.#incarnations}`,
      role: APPLICATIONS.includes(name) ? 'client' : 'node',
      partitions: PARTITIONS,
      backups: BACKUPS,
      takeover: this.takeover,
      // one server has no elections, which a loss of the log must not be taken for
      ...(!this.isCluster && { timing: { lostMs: LOST_MS } }),
      servers: this.lines(name).map(({ url }) => url),
      replicas: this.servers.length,
    };
    this.#holds();
    const worker = await within(NodeProcess.run<WorkerCommand>(PROGRAM, options), `the start of ${name}`);
    this.#workers.set(name, worker);
    if (this.#ended) await this.kill(name);
    this.#holds();
    if (this.#calling !== undefined) await this.#letCall(name, worker, this.#calling);
  }

  worker(name: string): WorkerProcess {
    const worker = this.#workers.get(name);
    if (worker === undefined) throw new Error(`${name} does not run`);
    return worker;
  }

  async kill(name: string): Promise<void> {
    const worker = this.worker(name);
    this.#workers.delete(name);
    await worker.kill();
  }

  /** As a deploy ends a process. */
  async drain(name: string): Promise<Called> {
    const worker = this.worker(name);
    const called = await this.#tell<Called>(worker, name, { do: 'stop' });
    await this.#tell(worker, name, { do: 'drain' });
    this.#workers.delete(name);
    await worker.kill();
    return called;
  }

  lines(name: string): readonly Line[] {
    return this.#lines.get(name)!;
  }

  /** Makes the sessions and lets every process call. */
  async begin(calling: Calling): Promise<void> {
    this.#journals = [];
    this.#calling = calling;
    await this.#letCall('x', this.worker('x'), { ...calling, callers: 0 });
    await this.#tell(this.worker('x'), 'x', { do: 'create', sessions: [...calling.sessions, ...calling.mortal] });
    await Promise.all([...this.#workers].map(([name, worker]) => this.#letCall(name, worker, calling)));
  }

  /** Ends all calls. */
  async stop(): Promise<Called[]> {
    this.#calling = undefined;
    return Promise.all([...this.#workers].map(([name, worker]) => this.#tell<Called>(worker, name, { do: 'stop' })));
  }

  /** Every session is read by the log's word. */
  async readAll(sessions: readonly string[]): Promise<void> {
    await this.#tell(this.worker('x'), 'x', { do: 'read', sessions });
  }

  calls(): NotedCall[] {
    return this.#ended ? [] : this.#journals.flatMap(({ path, by }) => readJournal(path, by));
  }

  /** How often somebody became the primary of a partition in this round, whoever was it before. */
  takeovers(): number {
    return this.#journals.reduce((sum, { path }) => sum + readTakeovers(path), 0);
  }

  /** Waits until every partition is led, has its backups, and all its replicas are equal. */
  async converged(): Promise<void> {
    let why = '';
    const isSo = async (): Promise<boolean> => {
      why = differences(await this.states());
      return why === '';
    };
    await until('all replicas are equal', isSo, TRUE_MS_MAX).catch((cause: unknown) => {
      throw new Error(`replicas do not become equal: ${why}`, { cause });
    });
  }

  async states(): Promise<readonly (readonly [string, States])[]> {
    const names = this.nodes;
    return Promise.all(
      names.map(async (name) => [name, await this.#tell<States>(this.worker(name), name, { do: 'states' })] as const),
    );
  }

  async generation(): Promise<number> {
    const all = await this.states();
    return Math.max(0, ...all.flatMap(([, states]) => [...states.values()].map(({ generation }) => generation)));
  }

  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all([...this.#workers.values()].map((worker) => worker.end()));
    await Promise.all([...this.#lines.values()].flat().map((line) => line.close()));
    await Promise.all(this.servers.map((server) => server.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
    folders.delete(this.#folder);
  }

  #holds(): void {
    if (this.#ended) throw new Error('this cluster has ended');
  }

  async #letCall(name: string, worker: WorkerProcess, calling: Calling): Promise<void> {
    const number = ++this.#files;
    const path = join(this.#folder, `${number}.jsonl`);
    this.#journals.push({ path, by: `${name}#${number}` });
    // a process that calls for a second time in one round gets other tokens
    const seed = calling.seed * 1_000 + this.#journals.length;
    await this.#tell(worker, name, { do: 'call', calling: { ...calling, seed }, journal: path });
  }

  #tell<T>(worker: WorkerProcess, name: string, command: WorkerCommand): Promise<T> {
    return within(worker.tell<T>(command), `"${command.do}" of ${name}`);
  }

  /** Until the servers have elected the one that places streams. */
  async #elected(): Promise<void> {
    const connection = await connectNats({ servers: this.servers.map(({ url }) => url) });
    try {
      const manager = await connection.jetstreamManager({ checkAPI: false });
      await until('the servers have a leader', () =>
        manager.getAccountInfo().then(
          () => true,
          () => false,
        ),
      );
    } finally {
      await connection.close();
    }
  }
}

function differences(all: readonly (readonly [string, States])[]): string {
  const copies = Math.min(all.length, BACKUPS + 1);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const held = all.flatMap(([name, states]) => {
      const state = states.get(partition);
      return state === undefined ? [] : [{ name, ...state }];
    });
    const line = held
      .map(({ name, leads, applied, digest }) => `${name}${leads ? '*' : ''} at ${applied} ${digest.slice(0, 6)}`)
      .join(', ');
    if (
      held.length !== copies ||
      held.filter(({ leads }) => leads).length !== 1 ||
      new Set(held.map(({ digest }) => digest)).size !== 1
    )
      return `partition ${partition}: ${line === '' ? 'nobody holds it' : line}`;
  }
  return '';
}

/** @throws {Error} where a process does not answer: it hangs */
async function within<T>(asked: Promise<T>, what: string): Promise<T> {
  const over = new AbortController();
  try {
    return await Promise.race([
      asked,
      sleep(ANSWERED_MS_MAX, undefined, { signal: over.signal }).then((): never => {
        throw new Error(`no answer to ${what} within ${ANSWERED_MS_MAX} ms`);
      }),
    ]);
  } finally {
    over.abort();
  }
}
