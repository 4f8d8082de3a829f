/**
 * The shop's servers, as the process sees them that started them.
 *
 * Invariant: whoever is down and was not told to stay so is started again after `restartMs`, under its old name. What is known of
 * a server's replicas is what it said last; nothing is kept of one that is down.
 */
import { EventEmitter } from 'node:events';
import type { ReplicaStatus } from 'twinstate';
import { nowMs, type FromServer } from './messages.js';

export interface Member {
  readonly name: string;
  readonly state: 'starting' | 'up' | 'down';
  /** Where it serves. */
  readonly port: number | undefined;
  /** As the cluster knows it: name and incarnation. */
  readonly node: string | undefined;
  readonly replicas: readonly ReplicaStatus[];
}

/** A server that runs, in whatever way. */
export interface Running {
  /** Ends it as `kill -9` does. */
  kill(): void;
  /** Lets it leave. */
  leave(): Promise<void>;
}

/** Starts a server. @param gone to be called when it has ended, for whatever reason */
export type Launch = (name: string, tell: (message: FromServer) => void, gone: () => void) => Running;

/** What a server is to one partition. `following`: it does, and the primary does not count it as a backup yet. */
export type Part = 'primary' | 'backup' | 'joining' | 'following' | 'none';

interface FleetEvents {
  told: [Member, FromServer];
  /** It was sent its end at this time. */
  killed: [Member, number];
  changed: [];
}

type Slot = { -readonly [K in keyof Member]: Member[K] } & { running: Running | undefined; timer: NodeJS.Timeout | undefined };

export class Fleet extends EventEmitter<FleetEvents> {
  readonly #restartMs: number;
  readonly #launch: Launch;
  readonly #slots: Slot[];
  #isOpen = true;

  constructor(names: readonly string[], launch: Launch, restartMs: number) {
    super();
    this.setMaxListeners(0);
    this.#restartMs = restartMs;
    this.#launch = launch;
    this.#slots = names.map((name) => ({ name, ...DOWN, running: undefined, timer: undefined }));
  }

  get members(): readonly Member[] {
    return this.#slots;
  }

  /** Starts all, and waits until all serve and every partition has a primary and a backup. */
  async start(): Promise<void> {
    for (const slot of this.#slots) this.#start(slot);
    await this.until(() => this.#slots.every(({ state }) => state === 'up') && this.#isProtected());
  }

  /** Waits for what members do. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.off('changed', look);
        resolve();
      };
      this.on('changed', look);
      look();
    });
  }

  /** Who leads a partition, by what the servers say of themselves. */
  leaderOf(partition: number): Member | undefined {
    const led = this.#slots.flatMap((member) => {
      const replica = replicaOf(member, partition);
      return replica?.role === 'leading' ? [{ member, epoch: replica.epoch }] : [];
    });
    return led.toSorted((a, b) => b.epoch - a.epoch)[0]?.member;
  }

  /** What a member is to a partition, and how many records of the log it is behind. */
  partOf(member: Member, partition: number): { readonly part: Part; readonly lag?: number } {
    const leader = this.leaderOf(partition);
    if (member === leader) return { part: 'primary' };
    const backup = replicaOf(leader, partition)?.backups.find(({ node }) => node === member.node);
    const role = replicaOf(member, partition)?.role;
    if (backup !== undefined && role === 'following') return { part: 'backup', lag: backup.lag };
    return { part: role === 'joining' || role === 'following' ? role : 'none' };
  }

  /** Ends a server as `kill -9` does. */
  kill(member: Member): void {
    const slot = this.#slots.find((each) => each === member);
    if (slot?.running === undefined) return;
    const atMs = nowMs();
    slot.running.kill();
    this.emit('killed', { ...member }, atMs);
    this.#down(slot);
  }

  /** Ends all. */
  async close(): Promise<void> {
    this.#isOpen = false;
    const all = this.#slots.flatMap(({ timer, running }) => {
      clearTimeout(timer);
      return running === undefined ? [] : [running.leave()];
    });
    await Promise.all(all);
  }

  #start(slot: Slot): void {
    if (!this.#isOpen) return;
    slot.state = 'starting';
    this.emit('changed');
    // the words of one that has ended may still be on their way
    const running: Running = this.#launch(
      slot.name,
      (message) => slot.running === running && this.#take(slot, message),
      () => slot.running === running && this.#down(slot),
    );
    slot.running = running;
  }

  #take(slot: Slot, message: FromServer): void {
    if (message.type === 'up') Object.assign(slot, { state: 'up', port: message.port, node: message.node });
    if (message.type === 'status') slot.replicas = message.replicas;
    this.emit('told', slot, message);
    this.emit('changed');
  }

  #down(slot: Slot): void {
    Object.assign(slot, DOWN, { running: undefined });
    if (this.#isOpen) slot.timer = setTimeout(() => this.#start(slot), this.#restartMs);
    this.emit('changed');
  }

  #isProtected(): boolean {
    const partitions = Math.max(0, ...this.#slots.flatMap(({ replicas }) => replicas.map(({ partition }) => partition + 1)));
    return partitions > 0 && Array.from({ length: partitions }, (_, p) => p).every((p) => this.#hasBackup(p));
  }

  #hasBackup(partition: number): boolean {
    return this.#slots.some((member) => this.partOf(member, partition).part === 'backup');
  }
}

const DOWN = { state: 'down', port: undefined, node: undefined, replicas: [] } as const;

function replicaOf(member: Member | undefined, partition: number): ReplicaStatus | undefined {
  return member?.replicas.find((replica) => replica.partition === partition);
}
