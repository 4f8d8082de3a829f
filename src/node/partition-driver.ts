/**
 * Drives one partition's state machine over an engine: does what its effects say, and brings the results back.
 *
 * Invariant: the machine is called only from here, one call at a time, and every effect of a call is carried out before the next
 * call. A result of an earlier life of the replica (before it joined anew) is dropped, never applied.
 */
import { TwinstateError } from '../shared/errors.js';
import { epoch, sequence, sessionId } from '../shared/ids.js';
import type { NodeId, Partition, SessionId } from '../shared/ids.js';
import type { EngineConnection, SnapshotEntry, Subscription } from '../engine/port.js';
import { DriftError } from '../replication/drift.js';
import type { Effect } from '../replication/effect.js';
import type { LoadedSession } from '../replication/ledger.js';
import type { Answer, Operation, Read, ReadAnswer } from '../replication/operation.js';
import type { FoundSnapshot, Instant, MachineOptions, View } from '../replication/machine-options.js';
import { PartitionMachine } from '../replication/partition-machine.js';
import { decodeStored } from '../replication/session-state.js';
import type { Timer } from '../shared/clock.js';
import type { NodeEvent, Runtime } from './runtime.js';

/** What the node around it offers. */
export interface Surroundings {
  readonly runtime: Runtime;
  readonly connection: EngineConnection;
  /** Tells the primary how far this replica is. */
  report(effect: Extract<Effect, { type: 'report' }>, partition: Partition): void;
  changed(partition: Partition, sessions: ReadonlySet<SessionId>): void;
  event(event: NodeEvent): void;
}

/** A snapshot's key, for any session id. */
const SNAPSHOT_PREFIX = 's:';
export const snapshotKey = (id: SessionId): string => `${SNAPSHOT_PREFIX}${id}`;

export class PartitionDriver<B> {
  readonly partition: Partition;
  readonly machine: PartitionMachine<B>;
  readonly #around: Surroundings;
  readonly #self: NodeId;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  readonly #readAnswers = new Map<number, (answer: ReadAnswer) => void>();
  #tokens = 0;
  /** Rises whenever the replica begins anew. */
  #life = 0;
  #follow: Subscription | undefined;
  #joinTimer: Timer | undefined;
  #busy = false;
  readonly #later: (() => void)[] = [];
  #stopped = false;
  #led = false;
  /** Since when the primary is suspected here. */
  #suspectedMs: number | undefined;
  #joinedOnce: (() => void)[] = [];

  constructor(options: MachineOptions<B>, around: Surroundings) {
    this.partition = options.partition;
    this.#self = options.self;
    this.#around = around;
    this.machine = new PartitionMachine(options);
    this.#call(() => this.machine.start());
  }

  get now(): Instant {
    const { clock } = this.#around.runtime;
    return { ms: clock.now(), wallMs: clock.wallMs() };
  }

  get leads(): boolean {
    return this.machine.role === 'leading';
  }

  /** Resolves once the replica has caught up for the first time. */
  caughtUp(): Promise<void> {
    if (this.machine.role !== 'joining' || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => this.#joinedOnce.push(resolve));
  }

  operate(operation: Operation): Promise<Answer> {
    return new Promise((resolve) => {
      const token = ++this.#tokens;
      this.#answers.set(token, resolve);
      this.#call(() => this.machine.operate(this.now, token, operation));
    });
  }

  read(read: Read): Promise<ReadAnswer> {
    return new Promise((resolve) => {
      const token = ++this.#tokens;
      this.#readAnswers.set(token, resolve);
      this.#call(() => this.machine.read(this.now, token, read));
    });
  }

  reported(from: NodeId, report: { readonly epoch: number; readonly position: number }): void {
    this.#call(() => this.machine.reported(this.now, from, epoch(report.epoch), sequence(report.position)));
  }

  tick(view: View): void {
    if (!view.suspected) this.#suspectedMs = undefined;
    else this.#suspectedMs ??= this.now.ms;
    this.#call(() => this.machine.tick(this.now, view));
  }

  stop(): void {
    if (this.#stopped) return;
    this.#call(() => this.machine.stop());
    this.#stopped = true;
    this.#life++;
    this.#follow?.stop();
    this.#joinTimer?.cancel();
    for (const resolve of this.#joinedOnce.splice(0)) resolve();
  }

  /** Calls the machine and carries out what it says; calls made meanwhile (by answers) run after it. */
  #call(fn: () => void): void {
    if (this.#stopped) return;
    if (this.#busy) {
      this.#later.push(fn);
      return;
    }
    this.#busy = true;
    try {
      let next: (() => void) | undefined = fn;
      while (next !== undefined) {
        this.#run(next);
        for (const effect of this.machine.takeEffects()) this.#carryOut(effect);
        next = this.#later.shift();
      }
    } finally {
      this.#busy = false;
    }
  }

  /** A replica that has drifted begins anew before it says anything else. */
  #run(fn: () => void): void {
    let drift: DriftError | undefined;
    try {
      fn();
    } catch (error) {
      if (!(error instanceof DriftError)) throw error;
      drift = error;
    }
    drift = this.machine.ledger.sessions.takeDrift() ?? drift;
    if (drift !== undefined) this.machine.beginAnew(drift);
  }

  #carryOut(effect: Effect): void {
    const { connection } = this.#around;
    switch (effect.type) {
      case 'append':
        return this.#then(connection.log.append(this.partition, effect.expected, effect.record), (result) =>
          this.machine.appended(this.now, effect.attempt, result ?? { outcome: 'unknown' }),
        );
      case 'poll':
        return this.#then(connection.log.read(this.partition, effect.after), (read) =>
          this.machine.polled(this.now, effect.after, read),
        );
      case 'join':
        this.#life++;
        this.#follow?.stop();
        this.#joinTimer?.cancel();
        this.#joinTimer = this.#around.runtime.clock.after(effect.afterMs, () => void this.#join(this.#life));
        return;
      case 'follow': {
        const life = this.#life;
        this.#follow?.stop();
        this.#follow = connection.log.follow(this.partition, effect.after, ({ sequence, record }) => {
          if (life === this.#life) this.#call(() => this.machine.record(this.now, sequence, record));
        });
        for (const resolve of this.#joinedOnce.splice(0)) resolve();
        return;
      }
      case 'answer':
        this.#answers.get(effect.token)?.(effect.answer);
        this.#answers.delete(effect.token);
        return;
      case 'read':
        this.#readAnswers.get(effect.token)?.(effect.answer);
        this.#readAnswers.delete(effect.token);
        return;
      case 'report':
        if (effect.to !== this.#self) this.#around.report(effect, this.partition);
        return;
      case 'look-up':
        return this.#then(connection.snapshots.get(this.partition, snapshotKey(effect.session)), (found) =>
          this.machine.lookedUp(effect.session, found === null ? null : found === undefined ? undefined : this.#position(found)),
        );
      case 'put':
        return this.#then(
          connection.snapshots.put(this.partition, snapshotKey(effect.session), effect.value, effect.expected),
          (result) => {
            const { session, trueUpTo, value } = effect;
            const stored = result?.outcome === 'stored';
            this.machine.put(session, trueUpTo, stored ? result.revision : undefined);
            this.#around.event({ type: 'snapshot', partition: this.partition, session, bytes: value.byteLength, stored });
          },
        );
      case 'trim':
        this.#around.event({ type: 'trim', partition: this.partition, upTo: effect.upTo });
        return this.#then(connection.log.trim(this.partition, effect.upTo), () => undefined);
      case 'changed':
        if (this.leads)
          this.#around.event({ type: 'stored', partition: this.partition, entries: effect.entries, classOf: this.#classOf });
        return this.#around.changed(this.partition, effect.sessions);
      case 'role':
        // whoever waits for it to catch up must hear that it never will
        if (effect.role === 'broken') for (const resolve of this.#joinedOnce.splice(0)) resolve();
        return this.#turned(effect);
      case 'notice':
        return this.#around.event({ type: 'notice', partition: this.partition, notice: effect.notice });
    }
  }

  #turned(effect: Extract<Effect, { type: 'role' }>): void {
    const leads = effect.role === 'leading';
    const ms = leads && this.#suspectedMs !== undefined ? this.now.ms - this.#suspectedMs : undefined;
    const led = this.#led;
    this.#led = leads;
    this.#suspectedMs = undefined;
    this.#around.event({ ...effect, partition: this.partition, led, ms });
  }

  /** Of a session that was just changed, and so is no copy of bytes. */
  readonly #classOf = (session: SessionId): string => this.machine.ledger.session(session)?.className ?? '';

  /** Brings a result back, unless the replica has begun anew meanwhile. A rejection (the connection is closed) is no result. */
  #then<T>(promise: Promise<T>, take: (result: T | undefined) => void): void {
    const life = this.#life;
    promise.then(
      (result) => {
        if (life === this.#life) this.#call(() => take(result));
      },
      () => {
        if (life === this.#life) this.#call(() => take(undefined));
      },
    );
  }

  /** Reads the whole log first and then the snapshots: what is trimmed in between is in the snapshots (rule 8). */
  async #join(life: number): Promise<void> {
    const { connection, runtime } = this.#around;
    const again = (): void => {
      if (life !== this.#life || this.#stopped) return;
      this.#joinTimer = runtime.clock.after(this.machine.options.timing.joinRetryMs, () => void this.#join(life));
    };
    try {
      const log = await connection.log.read(this.partition, sequence(0));
      if (life !== this.#life) return;
      if (log === undefined || log.truncated) return again();
      const stored = await connection.snapshots.list(this.partition);
      if (life !== this.#life) return;
      if (stored === undefined) return again();
      this.#call(() => this.machine.joined(this.now, log.entries, this.#decoded(stored.entries), stored.highest));
    } catch (error) {
      if (error instanceof TwinstateError && error.code === 'CLOSED') return;
      again();
    }
  }

  /** One after the other, so that not all of them are objects at once. */
  *#decoded(entries: readonly SnapshotEntry[]): IterableIterator<LoadedSession> {
    for (const entry of entries) yield this.#decode(entry);
  }

  /** One poison session is one session: an unreadable snapshot quarantines it, and the others are served. */
  #decode({ key, value, revision: at }: SnapshotEntry): LoadedSession {
    try {
      return { ...decodeStored(value), revision: at };
    } catch (error) {
      this.#around.event({ type: 'malformed', where: 'snapshot', error });
      return { unreadable: sessionId(key.slice(SNAPSHOT_PREFIX.length)), error, revision: at };
    }
  }

  #position({ value, revision: at }: SnapshotEntry): FoundSnapshot {
    try {
      const { header, trueUpTo, digest } = decodeStored(value);
      const { id: session, incarnation, version, dead } = header;
      return { revision: at, trueUpTo, digest: dead ? undefined : { session, incarnation, version, digest } };
    } catch {
      // unreadable: it covers nothing, and is overwritten
      return { revision: at, trueUpTo: sequence(0), digest: undefined };
    }
  }
}
