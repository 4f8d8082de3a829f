/**
 * One process's part in a cluster: its replicas, its view of the others, and what it answers them.
 *
 * Invariant: this process holds, or reads, a replica of every partition whose placement order, over the nodes that stay, names it
 * among the first `backups + 1`; one that it holds beyond that it keeps until all those have caught up. What it believes of others
 * only chooses when to claim and whom to ask; the log decides the rest.
 */
import type { Subscription } from '../engine/port.js';
import type { NodeId, Partition } from '../shared/ids.js';
import { Membership } from '../replication/membership.js';
import type { Answer, Operation } from '../replication/operation.js';
import { shareOf } from '../replication/memory-share.js';
import { holdersOf } from '../replication/moves.js';
import type { Asker } from './askers.js';
import { Generations } from './generations.js';
import { LeaderWaits } from './leader-waits.js';
import type { LeaderWait } from './leader-waits.js';
import { encodeMessage } from './message.js';
import { PartitionDriver } from './partition-driver.js';
import { Presence } from './presence.js';
import { Prober } from './prober.js';
import { Questions } from './questions.js';
import { Rebalancer } from './rebalancer.js';
import { ReplicaAsker } from './replica-asker.js';
import { Replicas } from './replicas.js';
import { RecurringTimers } from './recurring-timers.js';
import { RequestServer } from './request-server.js';
import type { NodeEvent } from './runtime.js';
import { batchLimits } from './node-options.js';
import type { NodeOptions } from './node-options.js';
import { nodeStatus } from './status.js';
import type { NodeStatus } from './status.js';
import { Surroundings } from './surroundings.js';

export type {
  Answer as NodeAnswer,
  Operation as NodeOperation,
  Read as NodeRead,
  ReadAnswer as NodeReadAnswer,
} from '../replication/operation.js';
export { DEFAULT_TIMING } from '../replication/timing.js';
export type { Timing } from '../replication/timing.js';
export { partitionOf } from '../replication/placement.js';
export type { Asked } from './questions.js';
export { CLIENTS_MAX } from '../replication/session-state.js';
export type { VersionedDelta } from '../replication/session-state.js';
export type { EndReason } from '../replication/lifetime.js';

export type { NodeOptions };

export class ClusterNode<B> {
  readonly self: NodeId;
  /** Asks the replicas of this node and of others. */
  readonly asker: ReplicaAsker<B>;
  readonly #options: NodeOptions<B>;
  readonly #replicas: Replicas<B>;
  readonly #membership: Membership;
  readonly #presence: Presence;
  readonly #prober: Prober<B>;
  readonly #rebalancer: Rebalancer<B>;
  readonly #subscriptions: Subscription[] = [];
  readonly #server: RequestServer<B>;
  readonly #questions: Questions;
  readonly #timers: RecurringTimers;
  readonly #leaderWaits = new LeaderWaits((partition) => this.leaderOf(partition));
  #tickedMs: number;
  #linkUp = true;
  #closed = false;
  /** Of every replica here. */
  readonly #around: Surroundings;

  constructor(options: NodeOptions<B>) {
    const { self, role, partitions, backups, timing, runtime, connection } = options;
    this.#options = options;
    this.self = self;
    this.#timers = new RecurringTimers(runtime);
    const membership = new Membership(timing);
    const replicas = new Replicas<B>((partition) => this.#hold(partition));
    this.#membership = membership;
    this.#replicas = replicas;
    this.#presence = new Presence({
      self,
      role,
      partitions,
      runtime,
      bus: connection.bus,
      membership,
      leads: () => this.#led().map(({ partition, machine }) => ({ partition, epoch: machine.epoch })),
      heard: ({ node, leaving }) => {
        if (leaving) this.#prober.detector.left(node);
        this.#leaderWaits.check();
        this.#place();
      },
      recalled: (partition, recall) => replicas.get(partition)?.recalled(recall),
      event: options.onEvent,
    });
    this.#questions = new Questions({
      bus: connection.bus,
      clock: runtime.clock,
      malformed: (error) => options.onEvent({ type: 'malformed', where: 'reply', error }),
    });
    this.#around = new Surroundings({
      self,
      runtime,
      timing,
      bus: connection.bus,
      generations: new Generations(connection, options.clusterState, runtime.clock, partitions),
      questions: this.#questions,
      operate: (to, partition, operation, timeoutMs) => this.asker.operate(to, partition, operation, 1, timeoutMs),
      changed: (sessions) => this.#server.changed(sessions),
      event: (event) => this.#event(event),
    });
    this.#prober = new Prober({
      self,
      timing,
      clock: runtime.clock,
      replicas,
      epochOf: (partition) => replicas.get(partition)?.machine.epoch,
      ask: (to, message, timeoutMs) => this.#questions.ask(to, message, timeoutMs),
    });
    this.#rebalancer = new Rebalancer({
      self,
      partitions,
      backups,
      timing,
      runtime,
      membership,
      replicas,
      tell: (to, message) => connection.bus.tell(to, encodeMessage(message)),
      isThere: async (to, timeoutMs) =>
        (await this.#questions.ask(to, { kind: 'probe', terms: [] }, timeoutMs)).kind === 'answered',
    });
    this.#server = new RequestServer({
      partitions,
      runtime,
      driver: (partition) => replicas.get(partition),
      released: (term, from) => {
        if (this.#rebalancer.released(term, from)) this.#server.rolesChanged();
      },
      stays: () => this.#presence.state === 'here',
      hint: (partition) => membership.leaderOf(partition),
      knows: (node) => membership.has(node),
      event: options.onEvent,
      status: () => this.status(),
    });
    this.asker = new ReplicaAsker({
      self,
      clock: runtime.clock,
      replicas,
      server: this.#server,
      questions: this.#questions,
      closed: () => this.#closed,
    });
    this.#tickedMs = runtime.clock.now();
  }

  /** Makes itself known, hears who is there, and takes its replicas. Resolves once all of them have caught up. */
  async start(): Promise<void> {
    const { connection, timing, runtime } = this.#options;
    this.#subscriptions.push(
      connection.bus.serve((body, looks) => this.#server.serve(body, looks)),
      this.#presence.listen(),
    );
    this.#presence.announce();
    await new Promise<void>((resolve) => runtime.clock.after(timing.settleMs, resolve));
    if (this.#closed) return;
    this.#timers.every(timing.tickMs, () => this.#tick());
    this.#timers.every(timing.heartbeatMs, () => this.#presence.announce());
    this.#timers.every(timing.probeMs, () => this.#prober.probe());
    this.#timers.every(timing.moveMs, () => this.#rebalancer.move());
    this.#place();
    await this.#replicas.caughtUp();
  }

  get closed(): boolean {
    return this.#closed;
  }

  get partitions(): number {
    return this.#options.partitions;
  }

  /** The partitions that this node leads now. */
  get led(): Partition[] {
    return this.#led().map(({ partition }) => partition);
  }

  /** The replicas held here, for status and tests. */
  get replicas(): readonly PartitionDriver<B>[] {
    return [...this.#replicas];
  }

  /** What this process knows of itself. */
  status(): NodeStatus {
    const nowMs = this.#nowMs;
    return nodeStatus(this.#options, this.#membership.members(nowMs), this.replicas, nowMs);
  }

  /** Nodes (not clients) heard of lately. */
  get nodes(): readonly NodeId[] {
    return this.#membership.nodes;
  }

  /** Who leads the partition, as far as is known here; a hint. */
  leaderOf(partition: Partition): NodeId | undefined {
    const driver = this.#replicas.get(partition);
    if (driver?.leads === true) return this.self;
    return driver?.machine.leader ?? this.#membership.leaderOf(partition);
  }

  /** Resolves as soon as it becomes known that another node than `than` leads the partition. */
  otherLeader(partition: Partition, than: NodeId): LeaderWait {
    return this.#leaderWaits.otherThan(than, partition);
  }

  /** Resolves as soon as it becomes known, or is already, that another node leads the partition than was believed `before`. */
  newsOfLeader(partition: Partition, before: NodeId | undefined): LeaderWait {
    return this.#leaderWaits.news(partition, before);
  }

  /** Nodes that are likely to know who leads the partition. */
  candidates(partition: Partition): readonly NodeId[] {
    const order = this.#rebalancer.order(partition);
    // where everybody is leaving, those who leave still know best
    return holdersOf(order.length > 0 ? order : this.#membership.nodes, this.#options.backups);
  }

  holds(partition: Partition): boolean {
    return this.#replicas.has(partition);
  }

  /** Hands a commit of this process, as its benchmark made it, to the primary here; false where there is none. */
  operateHere(partition: Partition, operation: Operation, asker: Asker<Answer>): boolean {
    return !this.#closed && this.#replicas.get(partition)?.take(operation, asker) === true;
  }

  /**
   * Hands over what is led here and lets others take the place of its replicas, for at most `withinMs`. It goes on answering
   * meanwhile, and until everybody has heard that it leaves: nothing that is asked of it is lost.
   */
  async drain(withinMs: number): Promise<void> {
    const { clock } = this.#options.runtime;
    const pause = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));
    const untilMs = this.#nowMs + withinMs;
    this.#presence.turn('draining');
    this.#place();
    const holds = (): boolean => [...this.#replicas].some(({ machine: { role } }) => role === 'leading' || role === 'following');
    while (!this.#closed && holds() && this.#membership.places.length > 0 && this.#nowMs < untilMs) {
      this.#rebalancer.move();
      await pause(this.#options.timing.tickMs);
    }
    if (this.#closed) return;
    this.#presence.turn('leaving');
    await pause(this.#options.timing.probeMs);
  }

  /** Leaves: tells everybody, and gives whoever waits a true answer. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timers.stop();
    this.#presence.stop();
    this.#presence.turn('leaving');
    this.#replicas.stop();
    this.#server.close();
    for (const subscription of this.#subscriptions) subscription.stop();
  }

  #led(): PartitionDriver<B>[] {
    return [...this.#replicas].filter((driver) => driver.leads);
  }

  get #nowMs(): number {
    return this.#options.runtime.clock.now();
  }

  #place(): void {
    if (this.#options.role === 'node' && this.#timers.started) this.#rebalancer.place();
  }

  #hold(partition: Partition): PartitionDriver<B> {
    const { self, bodies, timing, takeover } = this.#options;
    return new PartitionDriver<B>(
      {
        partition,
        self,
        incarnation: `${self.slice(self.lastIndexOf('~') + 1)}-${partition.toString(36)}`,
        bodies,
        timing,
        limits: batchLimits(this.#options),
        takeover,
        memory: shareOf(this.#options.memoryBytesMax, this.#replicas),
      },
      this.#around,
    );
  }

  #event(event: NodeEvent): void {
    if (event.type === 'role') {
      if (event.leader !== undefined) this.#membership.learned(event.partition, event.leader, event.epoch);
      // a new primary says so at once: askers are waiting for somebody
      if (event.role === 'leading') this.#presence.announceSoon();
      this.#server.rolesChanged();
      this.#leaderWaits.check();
    }
    this.#options.onEvent(event);
  }

  #tick(): void {
    const { timing, connection } = this.#options;
    const nowMs = this.#nowMs;
    const { link } = connection;
    const stoodStillMs = nowMs - this.#tickedMs > timing.tickMs * 10 + timing.probeMs ? nowMs - this.#tickedMs : 0;
    this.#tickedMs = nowMs;
    // that nobody was heard while this process stood still, or was cut off, says nothing
    this.#prober.detector.excuse(stoodStillMs);
    if (!link.up) this.#prober.detector.reset(nowMs);
    if (!link.up || stoodStillMs > 0) this.#membership.reset(nowMs);
    this.#membership.tick(nowMs);
    this.#place();
    const stable = link.up && nowMs - link.sinceMs >= timing.stableMs;
    if (link.up !== this.#linkUp) this.#options.onEvent({ type: 'link', up: (this.#linkUp = link.up) });
    for (const driver of this.#replicas) {
      const { leader } = driver.machine;
      const suspected =
        leader !== undefined && leader !== this.self && this.#prober.detector.suspects(nowMs, leader, driver.partition);
      const rank = this.#rebalancer.claimRank(driver.partition, suspected ? leader : undefined);
      driver.tick({ suspected, rank, stable, watched: (id) => this.#server.watches(id) });
    }
  }
}
