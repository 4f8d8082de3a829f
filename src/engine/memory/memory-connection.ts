/**
 * One node's connection to a memory cluster: the three services, and how their calls travel.
 *
 * Invariant: nothing reaches the node except through its own clock, so a node whose clock stands still hears nothing; nothing
 * reaches it after `close`, and what was under way then rejects with `CLOSED`. After `crash` promises simply never settle.
 */
import type { EngineConnection, EngineRequest, Link } from '../port.js';
import type { Clock } from '../../shared/clock.js';
import { TwinstateError } from '../../shared/errors.js';
import type { NodeId } from '../../shared/ids.js';
import type { Journey } from './faults.js';
import { MemoryBus } from './memory-bus.js';
import type { MemoryCluster, StoredGeneration } from './memory-cluster.js';
import { MemoryLog } from './memory-log.js';
import { MemorySnapshots } from './memory-snapshots.js';

const MESSAGE_BYTES_MAX = 1024 * 1024;
const PATIENCE_MS = 1000;

export class MemoryConnection implements EngineConnection {
  readonly log: MemoryLog;
  readonly snapshots: MemorySnapshots;
  readonly bus: MemoryBus;
  readonly messageBytesMax: number;
  readonly cluster: MemoryCluster;
  readonly clusterName: string;
  readonly stored: StoredGeneration;
  readonly node: NodeId;
  readonly clock: Clock;
  readonly #underWay = new Set<(error: TwinstateError) => void>();
  #linkSinceMs: number;
  #state: 'open' | 'closed' | 'crashed' = 'open';

  constructor(cluster: MemoryCluster, request: EngineRequest) {
    this.cluster = cluster;
    this.clusterName = request.cluster;
    this.stored = cluster.generation(request.cluster, request.generation);
    this.node = request.node;
    this.clock = request.clock;
    this.messageBytesMax = cluster.options.messageBytesMax ?? MESSAGE_BYTES_MAX;
    this.#linkSinceMs = request.clock.now();
    this.log = new MemoryLog(this);
    this.snapshots = new MemorySnapshots(this);
    this.bus = new MemoryBus(this);
    cluster.connections(request.cluster).add(this);
  }

  get link(): Link {
    return { up: this.reachable, sinceMs: this.#linkSinceMs };
  }

  get open(): boolean {
    return this.#state === 'open';
  }

  get reachable(): boolean {
    return this.#state === 'open' && !this.cluster.isCut(this.node);
  }

  /** Called by the cluster when the link was cut or mended. */
  linkChanged(): void {
    this.#linkSinceMs = this.clock.now();
    if (this.reachable) this.log.wakeAll();
  }

  close(): Promise<void> {
    if (this.#end('closed')) {
      const error = closed();
      for (const reject of [...this.#underWay]) reject(error);
      this.#underWay.clear();
    }
    return Promise.resolve();
  }

  crash(): void {
    this.#end('crashed');
    this.#underWay.clear();
  }

  /**
   * Takes a call to the cluster and its answer back.
   * @param arrive what happens there, at the moment of arrival
   * @param lost what the caller concludes when its patience is over
   */
  travel<T>(journey: Journey | undefined, arrive: () => T, lost: (reason: string) => T): Promise<T> {
    const { faults, patienceMs = PATIENCE_MS } = this.cluster.options;
    return this.await<T>((settle) => {
      if (!this.reachable) {
        this.clock.after(journey?.patienceMs ?? patienceMs, () => settle(lost('cut off')));
        return;
      }
      if (journey === undefined || faults === undefined) {
        const answer = arrive();
        this.clock.after(0, () => settle(answer));
        return;
      }
      const patience = this.clock.after(journey.patienceMs, () => settle(lost('no answer in time')));
      send(faults.clock, journey.thereMs, () => {
        const answer = arrive();
        send(faults.clock, journey.backMs, () => {
          if (!this.reachable) return;
          this.clock.after(0, () => {
            patience.cancel();
            settle(answer);
          });
        });
      });
    });
  }

  /** Makes a promise that rejects with `CLOSED` when the connection is closed. The first `settle` counts. */
  await<T>(start: (settle: (value: T) => void) => void): Promise<T> {
    if (this.#state !== 'open') return Promise.reject(closed());
    return new Promise<T>((resolve, reject) => {
      this.#underWay.add(reject);
      start((value) => {
        if (this.#underWay.delete(reject)) resolve(value);
      });
    });
  }

  #end(state: 'closed' | 'crashed'): boolean {
    if (this.#state !== 'open') return false;
    this.#state = state;
    this.#linkSinceMs = this.clock.now();
    this.cluster.connections(this.clusterName).delete(this);
    this.log.stopAll();
    this.bus.stopAll();
    return true;
  }
}

/** Lets something arrive after a time by the world's clock, or never. */
export function send(clock: Clock, afterMs: number, arrive: () => void): void {
  if (afterMs !== Infinity) clock.after(afterMs, arrive);
}

function closed(): TwinstateError {
  return new TwinstateError('CLOSED', 'this engine connection was closed', { cure: 'connect again' });
}
