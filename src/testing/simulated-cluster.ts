/**
 * A cluster for a user's own tests: real stores in one process, on virtual time, with faults on demand.
 *
 * Invariant: nothing happens unless time is let pass, by `advance` or while `until` waits; with the same seed and the same calls the
 * same things happen, in milliseconds of real time however long they take in virtual ones.
 */
import { MemoryCluster } from '../engine/memory/memory-cluster.js';
import { memoryEngine } from '../engine/memory/memory-engine.js';
import type { EngineRequest } from '../engine/port.js';
import { TwinstateError } from '../shared/errors.js';
import type { NodeId } from '../shared/ids.js';
import { connectWith } from '../store/connect.js';
import type { ConnectOptions } from '../store/options.js';
import type { SessionStore } from '../store/session-store.js';
import { ProcessClock, seededRandom, SimulatedTime } from './simulated-time.js';

/** What all nodes of a simulated cluster are connected with. */
export interface SimulatedClusterOptions extends Omit<
  ConnectOptions,
  'engine' | 'cluster' | 'nodeId' | 'role' | 'signal' | 'timeoutMs'
> {
  /** Another seed is another history. Default 1. */
  readonly seed?: number;
}

/** How long `start` and `until` let pass at most, in virtual milliseconds. */
const WAIT_MS = 30_000;
const LOOK_MS = 5;
/** Between any two processes, so that nothing takes no time at all. */
const WAY_MS = 1;

interface Member {
  readonly name: string;
  readonly clock: ProcessClock;
  readonly id: () => NodeId | undefined;
}

export class SimulatedCluster {
  readonly #options: SimulatedClusterOptions;
  readonly #time = new SimulatedTime();
  readonly #random: () => number;
  readonly #world: MemoryCluster;
  readonly #members = new Map<string, Member>();
  #ids = 0;

  /** Makes a cluster without nodes. */
  constructor(options: SimulatedClusterOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed ?? 1);
    const way = { thereMs: WAY_MS, backMs: WAY_MS };
    const call = (): { thereMs: number; backMs: number; patienceMs: number } => ({ ...way, patienceMs: 1_000 });
    this.#world = new MemoryCluster({
      faults: {
        clock: this.#time,
        append: call,
        read: call,
        put: call,
        get: call,
        list: call,
        deliver: () => WAY_MS,
        request: () => way,
        tell: () => WAY_MS,
        announce: () => WAY_MS,
      },
    });
  }

  /** Virtual milliseconds since the beginning. */
  get nowMs(): number {
    return this.#time.now();
  }

  /**
   * Starts a node, or starts one again that crashed, without memory; returns its store once it is connected.
   * @param role `'client'` holds no sessions itself
   * @throws {TwinstateError} `OPTION_INVALID` where a node of that name runs, and whatever `connect` throws
   */
  async start(name: string, role: 'node' | 'client' = 'node'): Promise<SessionStore> {
    if (this.#members.get(name)?.clock.ended === false) {
      throw new TwinstateError('OPTION_INVALID', `a node named ${JSON.stringify(name)} runs already`, { cure: 'crash it first' });
    }
    const clock = new ProcessClock(this.#time);
    const engine = memoryEngine({ cluster: this.#world });
    let id: NodeId | undefined;
    const connect = (request: EngineRequest): ReturnType<typeof engine.connect> => {
      id = request.node;
      return engine.connect(request);
    };
    this.#members.set(name, { name, clock, id: () => id });
    const { seed: _, ...shared } = this.#options;
    const options = { ...shared, cluster: 'simulated', nodeId: name, role, engine: { name: engine.name, connect } };
    const runtime = { clock, random: this.#random, uniqueId: () => this.#uniqueId() };
    return this.until(connectWith(options, runtime));
  }

  /** Kills a node as `kill -9` does: nothing that it was asked is ever answered. It may be started again. */
  crash(name: string): void {
    const { clock, id } = this.#member(name);
    this.mend(name);
    clock.end();
    const node = id();
    if (node !== undefined) this.#world.crash(node);
  }

  /** Lets a node stand still as SIGSTOP does; the others go on. */
  pause(name: string): void {
    this.#member(name).clock.pause();
  }

  /** Lets a paused node go on. */
  resume(name: string): void {
    this.#member(name).clock.resume();
  }

  /** Cuts a node off from the log and from all other nodes, both ways. */
  cut(name: string): void {
    const node = this.#member(name).id();
    if (node !== undefined) this.#world.cut(node);
  }

  /** Ends a cut. */
  mend(name: string): void {
    const node = this.#member(name).id();
    if (node !== undefined) this.#world.mend(node);
  }

  /** Lets virtual time pass, in milliseconds. */
  async advance(ms: number): Promise<void> {
    await this.#time.runUntil(this.#time.now() + ms);
  }

  /**
   * Lets virtual time pass until a promise settles: the way to wait for what a store returns.
   * @param withinMs at most so many virtual milliseconds; default 30,000
   * @throws what the promise rejects with; {TwinstateError} `TIMEOUT` where it does not settle in that time
   */
  async until<T>(asked: Promise<T>, withinMs = WAIT_MS): Promise<T> {
    let settled = false;
    const mark = (): void => void (settled = true);
    asked.then(mark, mark);
    const deadlineMs = this.#time.now() + withinMs;
    // what needs no time at all has settled by then
    await this.#time.runUntil(this.#time.now());
    while (!settled && this.#time.now() < deadlineMs) await this.#time.runUntil(Math.min(deadlineMs, this.#time.now() + LOOK_MS));
    if (settled) return asked;
    throw new TwinstateError('TIMEOUT', 'what was waited for did not come', {
      expected: `an answer within ${withinMs} virtual ms`,
      cure: 'give it more time, or see which node it waits for',
    });
  }

  /** Ends all nodes, without a word to each other. */
  end(): void {
    for (const { name, clock } of this.#members.values()) if (!clock.ended) this.crash(name);
  }

  #member(name: string): Member {
    const member = this.#members.get(name);
    if (member !== undefined) return member;
    throw new TwinstateError('OPTION_INVALID', `there is no node named ${JSON.stringify(name)}`, {
      expected: [...this.#members.keys()].join(', '),
      cure: 'start it first',
    });
  }

  #uniqueId(): string {
    const chance = (): string => Math.floor(this.#random() * 2 ** 48).toString(36);
    return `u${(++this.#ids).toString(36)}x${chance()}${chance()}${chance()}`.slice(0, 24).padEnd(24, '0');
  }
}
