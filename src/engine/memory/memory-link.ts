/**
 * One node's link to a memory cluster: whether it stands, and how calls travel over it.
 *
 * Invariant: nothing reaches the node except through its own clock, so a node whose clock stands still hears nothing; nothing
 * reaches it after `close`, and what was under way then rejects with `CLOSED`. After `crash` promises simply never settle.
 */
import type { EngineRequest, Link } from '../port.js';
import type { Clock } from '../../shared/clock.js';
import { TwinstateError } from '../../shared/errors.js';
import type { NodeId } from '../../shared/ids.js';
import type { Journey } from './faults.js';
import type { Mailbox, Member, MemoryCluster } from './memory-cluster.js';

const PATIENCE_MS = 1000;

export class MemoryLink implements Link, Member {
  readonly cluster: MemoryCluster;
  readonly clusterName: string;
  readonly node: NodeId;
  readonly clock: Clock;
  mailbox: Mailbox | undefined;
  readonly #underWay = new Set<(error: TwinstateError) => void>();
  readonly #mended: (() => void)[] = [];
  readonly #ended: (() => void)[] = [];
  #sinceMs: number;
  #state: 'open' | 'closed' | 'crashed' = 'open';

  constructor(cluster: MemoryCluster, request: EngineRequest) {
    this.cluster = cluster;
    this.clusterName = request.cluster;
    this.node = request.node;
    this.clock = request.clock;
    this.#sinceMs = request.clock.now();
    cluster.members(request.cluster).add(this);
  }

  get up(): boolean {
    return this.open && !this.cluster.isCut(this.node);
  }

  get sinceMs(): number {
    return this.#sinceMs;
  }

  get open(): boolean {
    return this.#state === 'open';
  }

  onMended(fn: () => void): void {
    this.#mended.push(fn);
  }

  onEnd(fn: () => void): void {
    this.#ended.push(fn);
  }

  linkChanged(): void {
    this.#sinceMs = this.clock.now();
    if (this.up) for (const fn of this.#mended) fn();
  }

  close(): void {
    if (!this.#end('closed')) return;
    const error = closed();
    for (const reject of [...this.#underWay]) reject(error);
    this.#underWay.clear();
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
      if (!this.up) {
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
          if (!this.up) return;
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
    this.#sinceMs = this.clock.now();
    this.cluster.members(this.clusterName).delete(this);
    for (const fn of this.#ended) fn();
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
