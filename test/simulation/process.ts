/** One simulated process: a real store on a clock of its own, that can be killed, paused, cut off and started again. */
import { connectWith } from '../../src/store/connect.js';
import type { EncryptionOptions } from '../../src/store/encryption-options.js';
import type { SessionStore } from '../../src/store/session-store.js';
import { memoryEngine } from '../../src/engine/memory/memory-engine.js';
import type { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import type { ClusterNode } from '../../src/node/cluster-node.js';
import type { AtRest } from '../../src/session/at-rest.js';
import type { Class } from '../../src/model/session-model.js';
import type { Random } from '../../src/shared/clock.js';
import type { NodeId } from '../../src/shared/ids.js';
import type { Timing } from '../../src/replication/timing.js';
import { ofLaterRelease } from './later-release.js';
import { laterRelease } from '../store/later-release.js';
import { ProcessClock } from '../../src/testing/simulated-time.js';
import type { ClockFault, SimulatedTime } from '../../src/testing/simulated-time.js';

export interface ProcessOptions {
  readonly name: string;
  readonly role: 'node' | 'client';
  readonly backups: number;
  readonly partitions: number;
  readonly takeover: 'fast' | 'strict';
  readonly timing: Partial<Timing>;
  readonly encryption?: EncryptionOptions | undefined;
  /** The classes that it is started with, by its edition. */
  readonly editions: { readonly old: readonly Class[]; readonly new: readonly Class[] };
  readonly clock?: ClockFault;
  /** Its new edition stores sessions in a later format, which the old one does not read. */
  readonly laterFormat?: boolean | undefined;
  /** What it may keep of sessions, in bytes. */
  readonly memoryBytesMax?: number | undefined;
}

export class SimulatedProcess {
  readonly options: ProcessOptions;
  readonly #time: SimulatedTime;
  readonly #cluster: MemoryCluster;
  readonly #random: Random;
  readonly #uniqueId: () => string;
  clock: ProcessClock;
  /** Of this life. */
  node: ClusterNode<AtRest> | undefined;
  store: SessionStore | undefined;
  /** What it is started with next. */
  edition: 'old' | 'new' = 'old';
  /** It is started next as a later release. */
  later = false;
  /** What it was started with. */
  knows: 'old' | 'new' = 'old';
  #id: NodeId | undefined;
  /** It is leaving as it should. */
  drains = false;
  #cut = false;
  #die: () => void = () => undefined;
  /** Resolves when this life is over: what it was asked is never answered then. */
  died: Promise<void> = Promise.resolve();

  constructor(options: ProcessOptions, time: SimulatedTime, cluster: MemoryCluster, random: Random, uniqueId: () => string) {
    this.options = options;
    this.#time = time;
    this.#cluster = cluster;
    this.#random = random;
    this.#uniqueId = uniqueId;
    this.clock = new ProcessClock(time);
    this.clock.end();
  }

  get up(): boolean {
    return !this.clock.ended;
  }

  get paused(): boolean {
    return this.up && !this.clock.running;
  }

  get cut(): boolean {
    return this.#cut;
  }

  /** Starts it without memory, under its name, and tries again until it is connected. */
  start(): void {
    const clock = new ProcessClock(this.#time, this.options.clock);
    this.clock = clock;
    this.node = undefined;
    this.store = undefined;
    this.drains = false;
    this.died = new Promise((resolve) => (this.#die = resolve));
    const { name, role, backups, partitions, takeover, timing, encryption, editions } = this.options;
    const sessions = editions[this.edition];
    this.knows = this.edition;
    const plain = memoryEngine({ cluster: this.#cluster });
    const stored = this.options.laterFormat === true && this.knows === 'new' ? laterRelease(plain) : plain;
    const engine = this.later ? ofLaterRelease(stored) : stored;
    const tap = {
      name: engine.name,
      connect: (request: Parameters<typeof engine.connect>[0]) => {
        this.#id = request.node;
        return engine.connect(request);
      },
    };
    const runtime = { clock, random: this.#random, uniqueId: this.#uniqueId };
    const { memoryBytesMax } = this.options;
    const limits = memoryBytesMax === undefined ? undefined : { memoryBytesMax };
    const own = { nodeId: name, role, backups, partitions, takeover, timing, encryption, limits };
    const options = { sessions, engine: tap, cluster: 'simulated', ...own };
    connectWith(options, runtime, (node) => (this.node = node)).then(
      (store) => {
        if (this.clock === clock) this.store = store;
      },
      () => {
        if (this.clock === clock && !clock.ended) clock.after(100, () => this.clock === clock && this.start());
      },
    );
  }

  kill(): void {
    this.mend();
    this.clock.end();
    if (this.#id !== undefined) this.#cluster.crash(this.#id);
    this.store = undefined;
    this.node = undefined;
    this.#die();
  }

  /** Hands everything over, leaves and ends, as a deploy makes it do; resolves when it has ended, by itself or otherwise. */
  async drain(timeoutMs: number): Promise<void> {
    const { clock, store, died } = this;
    if (store === undefined) return;
    this.drains = true;
    await Promise.race([store.drain({ timeoutMs }).catch(() => undefined), died]);
    if (this.clock === clock && !clock.ended) this.kill();
  }

  pause(): void {
    this.clock.pause();
  }

  resume(): void {
    this.clock.resume();
  }

  cutOff(): void {
    if (this.#id === undefined || this.#cut) return;
    this.#cut = true;
    this.#cluster.cut(this.#id);
  }

  mend(): void {
    if (this.#id === undefined || !this.#cut) return;
    this.#cut = false;
    this.#cluster.mend(this.#id);
  }
}
