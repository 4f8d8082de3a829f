/**
 * One process's part in a cluster: its replicas, its view of the others, and what it answers them.
 *
 * Invariant: this process holds a replica of every partition whose placement order, over the nodes heard of, names it among the
 * first `backups + 1`. What it believes of others only chooses when to claim and whom to ask; the log decides the rest.
 */
import type { Bus, Subscription } from '../engine/port.js';
import type { Epoch, NodeId, Partition } from '../shared/ids.js';
import { partition as toPartition } from '../shared/ids.js';
import type { Timer } from '../shared/clock.js';
import { FailureDetector } from '../replication/failure-detector.js';
import { Membership } from '../replication/membership.js';
import type { Heartbeat } from '../replication/membership.js';
import type { Answer, Operation, Read, ReadAnswer } from '../replication/operation.js';
import { placementOrder } from '../replication/placement.js';
import { Generations } from './generations.js';
import { LeaderWaits } from './leader-waits.js';
import type { LeaderWait } from './leader-waits.js';
import { decodeMessage, encodeMessage } from './message.js';
import type { Message, Term } from './message.js';
import { PartitionDriver } from './partition-driver.js';
import { pick, Questions } from './questions.js';
import type { Asked } from './questions.js';
import { RequestServer } from './request-server.js';
import type { ListReply } from './request-server.js';
import type { NodeEvent } from './runtime.js';
import type { NodeOptions } from './node-options.js';
import { nodeStatus } from './status.js';
import type { NodeStatus } from './status.js';

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

/** Entries of one record, at most. */
const BATCH_ENTRIES_MAX = 4_096;
/** Part of a message that a batch may fill. */
const BATCH_SHARE = 0.75;

export class ClusterNode<B> {
  readonly self: NodeId;
  readonly #options: NodeOptions<B>;
  readonly #drivers = new Map<Partition, PartitionDriver<B>>();
  readonly #membership: Membership;
  readonly #detector: FailureDetector;
  readonly #subscriptions: Subscription[] = [];
  readonly #server: RequestServer<B>;
  readonly #questions: Questions;
  #timers: Timer[] = [];
  readonly #leaderWaits = new LeaderWaits((partition) => this.leaderOf(partition));
  #heartbeats = 0;
  #tickedMs: number;
  #announceTimer: Timer | undefined;
  #linkUp = true;
  #closed = false;
  readonly #generations: Generations;

  constructor(options: NodeOptions<B>) {
    this.#options = options;
    this.self = options.self;
    this.#generations = new Generations(options.connection, options.clusterState);
    this.#membership = new Membership(options.timing);
    this.#detector = new FailureDetector(options.timing);
    this.#server = new RequestServer({
      partitions: options.partitions,
      runtime: options.runtime,
      driver: (partition) => this.#drivers.get(partition),
      hint: (partition) => this.#membership.leaderOf(partition),
      event: options.onEvent,
      status: () => this.status(),
    });
    this.#questions = new Questions({
      bus: options.connection.bus,
      clock: options.runtime.clock,
      malformed: (error) => options.onEvent({ type: 'malformed', where: 'reply', error }),
    });
    this.#tickedMs = options.runtime.clock.now();
    this.#membership.heard(this.#nowMs, this.#heartbeat(false));
  }

  /** Makes itself known, hears who is there, and takes its replicas. Resolves once all of them have caught up. */
  async start(): Promise<void> {
    const { connection, timing, runtime } = this.#options;
    this.#subscriptions.push(
      connection.bus.serve((body) => this.#server.serve(body)),
      connection.bus.hear((body) => this.#heard(body)),
    );
    this.#announce();
    await new Promise<void>((resolve) => runtime.clock.after(timing.settleMs, resolve));
    if (this.#closed) return;
    this.#place();
    this.#every(timing.tickMs, () => this.#tick());
    this.#every(timing.heartbeatMs, () => this.#announce());
    this.#every(timing.probeMs, () => this.#probe());
    await Promise.all([...this.#drivers.values()].map((driver) => driver.caughtUp()));
  }

  get closed(): boolean {
    return this.#closed;
  }

  get bus(): Bus {
    return this.#options.connection.bus;
  }

  get partitions(): number {
    return this.#options.partitions;
  }

  /** The partitions that this node leads now. */
  get led(): Partition[] {
    return [...this.#drivers.values()].filter((driver) => driver.leads).map((driver) => driver.partition);
  }

  /** The replicas held here, for status and tests. */
  get replicas(): readonly PartitionDriver<B>[] {
    return [...this.#drivers.values()];
  }

  /** What this process knows of itself. */
  status(): NodeStatus {
    const nowMs = this.#nowMs;
    return nodeStatus(this.#options, this.#membership.members(nowMs), this.replicas, nowMs);
  }

  get nodes(): NodeId[] {
    return this.#membership.nodes;
  }

  /** Who leads the partition, as far as is known here; a hint. */
  leaderOf(partition: Partition): NodeId | undefined {
    const driver = this.#drivers.get(partition);
    if (driver?.leads === true) return this.self;
    return driver?.machine.leader ?? this.#membership.leaderOf(partition);
  }

  /** Resolves as soon as it becomes known that another node than `than` leads the partition. */
  otherLeader(partition: Partition, than: NodeId): LeaderWait {
    return this.#leaderWaits.otherThan(than, partition);
  }

  /** Nodes that are likely to know who leads the partition. */
  candidates(partition: Partition): NodeId[] {
    return placementOrder(partition, this.#membership.nodes).slice(0, this.#options.backups + 1);
  }

  holds(partition: Partition): boolean {
    return this.#drivers.has(partition);
  }

  /** @param attempt counts the sendings of this operation */
  async operate(
    to: NodeId,
    partition: Partition,
    operation: Operation,
    attempt: number,
    timeoutMs: number,
  ): Promise<Asked<Answer>> {
    if (to === this.self) return this.#ownAnswer(partition, async (driver) => driver.operate(operation), timeoutMs);
    const reply = await this.#questions.ask(to, { kind: 'operate', partition, operation, attempt }, timeoutMs);
    return pick(reply, (each) => (each.kind === 'operate' ? each.answer : undefined));
  }

  async read(to: NodeId, partition: Partition, read: Read, waitMs: number, timeoutMs: number): Promise<Asked<ReadAnswer>> {
    if (to === this.self)
      return this.#ownAnswer(partition, async (driver) => this.#server.readAndWait(driver, read, waitMs), timeoutMs);
    const reply = await this.#questions.ask(to, { kind: 'read', partition, read, waitMs }, timeoutMs);
    return pick(reply, (each) => (each.kind === 'read' ? each.answer : undefined));
  }

  async list(
    to: NodeId,
    partition: Partition,
    className: string,
    after: string,
    limit: number,
    timeoutMs: number,
  ): Promise<Asked<ListReply>> {
    const message: Message = { kind: 'list', partition, className, after, limit };
    if (to === this.self) return { kind: 'answered', answer: this.#server.list(message) };
    const reply = await this.#questions.ask(to, message, timeoutMs);
    return pick(reply, (each) => (each.kind === 'list' ? each : undefined));
  }

  /** Leaves: tells everybody, and gives whoever waits a true answer. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    this.#announceTimer?.cancel();
    this.bus.announce(encodeMessage({ kind: 'heartbeat', heartbeat: this.#heartbeat(true) }));
    for (const driver of this.#drivers.values()) driver.stop();
    this.#server.close();
    for (const subscription of this.#subscriptions) subscription.stop();
  }

  get #nowMs(): number {
    return this.#options.runtime.clock.now();
  }

  #every(ms: number, fn: () => void): void {
    const { clock, random } = this.#options.runtime;
    const slot = this.#timers.length;
    const again = (): void => {
      // a tenth of jitter, so that nodes do not fall into step
      this.#timers[slot] = clock.after(ms * (0.95 + random() * 0.1), () => {
        if (this.#closed) return;
        again();
        fn();
      });
    };
    again();
  }

  #place(): void {
    const { role, partitions, backups } = this.#options;
    if (role === 'client') return;
    const nodes = this.#membership.nodes;
    for (let i = 0; i < partitions; i++) {
      const partition = toPartition(i);
      if (this.#drivers.has(partition)) continue;
      const place = placementOrder(partition, nodes).indexOf(this.self);
      if (place >= 0 && place <= backups) this.#hold(partition);
    }
  }

  #hold(partition: Partition): void {
    const { self, bodies, timing, takeover, connection, runtime } = this.#options;
    const driver = new PartitionDriver<B>(
      {
        partition,
        self,
        incarnation: `${self.slice(self.lastIndexOf('~') + 1)}-${partition.toString(36)}`,
        bodies,
        timing,
        limits: { bytesMax: Math.floor(connection.messageBytesMax * BATCH_SHARE), entriesMax: BATCH_ENTRIES_MAX },
        takeover,
      },
      {
        runtime,
        generations: this.#generations,
        recall: (at, recall) => this.bus.announce(encodeMessage({ kind: 'recall', partition: at, recall })),
        offer: async (to, at, operation) => {
          const asked = await this.operate(to, at, operation, 1, timing.silenceMs);
          return asked.kind === 'answered' ? asked.answer : undefined;
        },
        report: ({ to, epoch, position }) =>
          connection.bus.tell(to, encodeMessage({ kind: 'report', term: { partition, epoch }, from: self, position })),
        changed: (_, sessions) => this.#server.changed(sessions),
        event: (event) => this.#event(event),
      },
    );
    this.#drivers.set(partition, driver);
  }

  #event(event: NodeEvent): void {
    if (event.type === 'role') {
      if (event.leader !== undefined) this.#membership.learned(event.partition, event.leader, event.epoch);
      // a new primary says so at once: askers are waiting for somebody
      if (event.role === 'leading') this.#announceSoon();
      this.#server.rolesChanged();
      this.#leaderWaits.check();
    }
    this.#options.onEvent(event);
  }

  #tick(): void {
    const { timing, connection } = this.#options;
    const nowMs = this.#nowMs;
    // this process stood still: what it saw of others before says nothing
    if (nowMs - this.#tickedMs > timing.tickMs * 10 + timing.probeMs) this.#detector.reset(nowMs);
    this.#tickedMs = nowMs;
    this.#membership.tick(nowMs);
    const { link } = connection;
    const stable = link.up && nowMs - link.sinceMs >= timing.stableMs;
    if (!link.up) this.#detector.reset(nowMs);
    if (link.up !== this.#linkUp) this.#options.onEvent({ type: 'link', up: (this.#linkUp = link.up) });
    const nodes = this.#membership.nodes;
    for (const driver of this.#drivers.values()) {
      const leader = driver.machine.leader;
      const suspected = leader !== undefined && leader !== this.self && this.#detector.suspects(nowMs, leader, driver.partition);
      const order = placementOrder(driver.partition, suspected ? nodes.filter((node) => node !== leader) : nodes);
      driver.tick({ suspected, rank: order.indexOf(this.self), stable });
    }
  }

  /** Asks every primary that is followed here: do you lead these, in these terms? Probes overlap, as one in flight at a death hangs. */
  #probe(): void {
    const { timing } = this.#options;
    const terms = new Map<NodeId, Term[]>();
    for (const { machine, partition } of this.#drivers.values()) {
      const { leader, epoch, role } = machine;
      if (leader === undefined || leader === this.self || role !== 'following') continue;
      const known = terms.get(leader);
      if (known === undefined) terms.set(leader, [{ partition, epoch }]);
      else known.push({ partition, epoch });
    }
    this.#detector.keep(this.#nowMs, new Set(terms.keys()));
    for (const [node, asked] of terms) void this.#probeOne(node, asked, timing.probeTimeoutMs);
  }

  async #probeOne(node: NodeId, asked: readonly Term[], timeoutMs: number): Promise<void> {
    const sentMs = this.#nowMs;
    const reply = await this.#questions.ask(node, { kind: 'probe', terms: asked }, timeoutMs);
    if (this.#closed) return;
    // terms that changed while the probe was under way are not asked about any more
    const still = asked
      .filter(({ partition, epoch }) => this.#drivers.get(partition)?.machine.epoch === epoch)
      .map(({ partition }) => partition);
    if (reply.kind === 'absent') this.#detector.probed(this.#nowMs, node, still, { kind: 'no-responders' });
    else if (reply.kind === 'answered' && reply.answer.kind === 'probe') {
      this.#detector.probed(sentMs, node, still, { kind: 'answered', leads: new Set(reply.answer.leads) });
    } else this.#detector.probed(this.#nowMs, node, still, { kind: 'silent' });
  }

  #announceSoon(): void {
    this.#announceTimer ??= this.#options.runtime.clock.after(0, () => {
      this.#announceTimer = undefined;
      this.#announce();
    });
  }

  #announce(): void {
    if (this.#closed) return;
    const heartbeat = this.#heartbeat(false);
    this.#membership.heard(this.#nowMs, heartbeat);
    this.bus.announce(encodeMessage({ kind: 'heartbeat', heartbeat }));
  }

  #heartbeat(leaving: boolean): Heartbeat {
    const leads: { partition: Partition; epoch: Epoch }[] = [];
    for (const { leads: led, machine, partition } of this.#drivers.values())
      if (led) leads.push({ partition, epoch: machine.epoch });
    return { node: this.self, role: this.#options.role, leaving, count: ++this.#heartbeats, leads };
  }

  #heard(body: Uint8Array): void {
    if (this.#closed) return;
    let message: Message;
    try {
      message = decodeMessage(body);
    } catch (error) {
      return this.#options.onEvent({ type: 'malformed', where: 'announcement', error });
    }
    if (message.kind === 'recall') return this.#drivers.get(message.partition)?.recalled(message.recall);
    if (message.kind !== 'heartbeat') return;
    const { heartbeat } = message;
    if (heartbeat.node === this.self) return;
    const known = new Set(this.#membership.nodes);
    const isNew = this.#membership.heard(this.#nowMs, {
      ...heartbeat,
      leads: heartbeat.leads.filter((led) => led.partition < this.partitions),
    });
    if (heartbeat.leaving) this.#detector.left(heartbeat.node);
    this.#leaderWaits.check();
    // a newcomer learns at once who is here
    if (isNew) this.#announceSoon();
    if (this.#timers.length > 0 && !sameMembers(known, this.#membership.nodes)) this.#place();
  }

  /** Asks the own replica, and gives up waiting (not the operation) after `timeoutMs`. */
  async #ownAnswer<T>(
    partition: Partition,
    ask: (driver: PartitionDriver<B>) => Promise<T>,
    timeoutMs: number,
  ): Promise<Asked<T>> {
    const driver = this.#drivers.get(partition);
    if (driver === undefined || this.#closed) return { kind: 'absent' };
    let timer: Timer | undefined;
    const late = new Promise<Asked<T>>((resolve) => {
      timer = this.#options.runtime.clock.after(timeoutMs, () => resolve({ kind: 'lost' }));
    });
    const answered = ask(driver).then((answer): Asked<T> => ({ kind: 'answered', answer }));
    const result = await Promise.race([answered, late]);
    timer?.cancel();
    return result;
  }
}

function sameMembers(before: ReadonlySet<NodeId>, after: readonly NodeId[]): boolean {
  return before.size === after.length && after.every((node) => before.has(node));
}
