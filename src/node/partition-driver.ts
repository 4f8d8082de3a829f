/**
 * Drives one partition's state machine over an engine: does what its effects say, and brings the results back.
 *
 * Invariant: the machine is called only from here, one call at a time, and every effect of a call is carried out before the next
 * call. A result of an earlier life of the replica (before it joined anew) is dropped, never applied.
 */
import { TwinstateError } from '../shared/errors.js';
import { invariant } from '../shared/invariant.js';
import { epoch, sequence } from '../shared/ids.js';
import type { Epoch, NodeId, Partition, Sequence, SessionId } from '../shared/ids.js';
import { DriftError } from '../replication/drift.js';
import type { Effect } from '../replication/effect.js';
import type { SeedResult } from '../replication/recovery.js';
import type { Answer, Operation, Read, ReadAnswer } from '../replication/operation.js';
import type { Instant, MachineOptions, View } from '../replication/machine-options.js';
import { PartitionMachine } from '../replication/partition-machine.js';
import type { LogEntry } from '../replication/record.js';
import type { Recall } from '../replication/seed-choice.js';
import { Askers } from './askers.js';
import type { Asker } from './askers.js';
import { CallQueue } from './call-queue.js';
import { offer } from './offer.js';
import type { OpenGeneration } from './generations.js';
import { readPartition } from './partition-reading.js';
import { decodedAll, decodedFound, positionOf, removeTombstone, snapshotKey } from './stored-snapshots.js';
import { ReplicaLife } from './replica-life.js';
import { RoleReports } from './role-reports.js';
import { beginGeneration } from './seeding.js';
import type { Surroundings } from './surroundings.js';
import { SnapshotLoader } from './snapshot-loader.js';
import { TurnEnd } from './turn-end.js';

const NOT_LOADED = { kind: 'retry', clean: true, hint: undefined, why: 'it is being loaded here' } as const;

export class PartitionDriver<B> {
  readonly partition: Partition;
  readonly machine: PartitionMachine<B>;
  readonly #around: Surroundings;
  readonly #self: NodeId;
  readonly #askers = new Askers<Answer>();
  readonly #readers = new Askers<ReadAnswer>();
  readonly #sending = new TurnEnd(() => this.#call(() => this.machine.pump(this.now)));
  readonly #calls = new CallQueue((call) => this.#make(call));
  #life = new ReplicaLife();
  /** What the machine's effects are carried out on: the generation that was joined last. */
  #stored: OpenGeneration | undefined;
  #loader: SnapshotLoader | undefined;
  #stopped = false;
  readonly #reports: RoleReports;
  readonly #malformed = (error: unknown): void => this.#around.event({ type: 'malformed', where: 'snapshot', error });
  readonly #joinedOnce: (() => void)[] = [];

  constructor(options: MachineOptions<B>, around: Surroundings) {
    this.partition = options.partition;
    this.#self = options.self;
    this.#around = around;
    this.#reports = new RoleReports(options.partition);
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
    return this.#ask(operation.session, this.#askers, NOT_LOADED, (token) => this.machine.operate(this.now, token, operation));
  }

  /**
   * Takes a commit of this process, as its benchmark made it, where this replica leads; false: ask by `operate`. Commits that are
   * awaited side by side come back side by side, in one turn: they leave behind it, in one record.
   */
  take(operation: Operation, asker: Asker<Answer>): boolean {
    if (this.#stopped || !this.leads || this.machine.ledger.lacks(operation.session)) return false;
    const token = this.#askers.add(asker);
    if (this.#calls.busy) this.#call(() => this.machine.operate(this.now, token, operation));
    else {
      this.machine.primary.take({ token, operation });
      this.#sending.ask();
    }
    return true;
  }

  read(read: Read): Promise<ReadAnswer> {
    return this.#ask(read.session, this.#readers, NOT_LOADED, (token) => this.machine.read(this.now, token, read));
  }

  /** Asks the machine once the session is here. @param absent the answer where it does not come */
  async #ask<A>(session: SessionId, askers: Askers<A>, absent: A, ask: (token: number) => void): Promise<A> {
    if (this.machine.ledger.lacks(session)) await this.#loader?.present(session);
    return new Promise((answered) => {
      const token = askers.add({ answered });
      this.#call(() => {
        if (this.machine.ledger.lacks(session)) askers.answer(token, absent);
        else ask(token);
      });
    });
  }

  reported(from: NodeId, report: { readonly epoch: number; readonly position: number }): void {
    this.#call(() => this.machine.reported(this.now, from, epoch(report.epoch), sequence(report.position)));
  }

  /** Followers that have caught up and were heard of lately, as the primary knows them. */
  get warm(): readonly NodeId[] {
    return this.leads ? this.machine.primary.warm(this.now, this.machine.ledger) : [];
  }

  /** Gives the lead to a warm follower; keeps it where that does not take it in time. */
  handOver(to: NodeId): void {
    this.#call(() => this.machine.succession.handOver(this.now, to));
  }

  /** The primary asks this replica to lead; resolves to whether it will try. */
  invited(from: NodeId, term: Epoch, position: Sequence): Promise<boolean> {
    if (this.#stopped) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#call(() => resolve(this.machine.succession.invited(this.now, from, term, position)));
    });
  }

  recalled(recall: Recall): void {
    this.#call(() => this.machine.recovery.recalled(this.now, recall));
  }

  tick(view: View): void {
    const now = this.now;
    this.#reports.looked(now.ms, view.suspected);
    const identity = this.#stored && this.#around.generations.identity(this.#stored.generation, now.ms);
    this.#call(() => {
      if (identity !== undefined) this.machine.recovery.identified(now, identity);
      // what an old key sealed leaves the log as if there were no room for it
      if (this.leads && (this.#stored?.log.outdatedUpTo?.(this.partition) ?? 0) > 0) this.machine.upkeep.full();
      this.machine.tick(now, view);
    });
    const { passivation } = this.machine.ledger;
    for (const id of passivation.behind.sessions) void this.#loader?.fetch(id).catch(() => false);
    const moves = passivation.takeMoves();
    if (moves !== undefined) this.#around.event({ type: 'passivation', partition: this.partition, ...moves });
  }

  stop(): void {
    if (this.#stopped) return;
    this.#call(() => this.machine.stop(this.now));
    this.#stopped = true;
    this.#life.end();
    this.#endWaits();
  }

  /** Lets those go on who wait for it to catch up: it has, or never will. */
  #endWaits(): void {
    for (const resolve of this.#joinedOnce.splice(0)) resolve();
  }

  #call(call: () => void): void {
    if (!this.#stopped) this.#calls.run(call);
  }

  /** Calls the machine and carries out what it says. A replica that has drifted begins anew before it says anything else. */
  #make(call: () => void): void {
    let drift: DriftError | undefined;
    try {
      call();
    } catch (error) {
      if (!(error instanceof DriftError)) throw error;
      drift = error;
    }
    drift = this.machine.ledger.sessions.takeDrift() ?? drift;
    if (drift !== undefined) this.machine.beginAnew(drift);
    for (const effect of this.machine.takeEffects()) this.#carryOut(effect);
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'append':
        return this.#then(this.#at.log.append(this.partition, effect.expected, effect.record), (result) =>
          this.machine.appended(this.now, effect.attempt, result ?? { outcome: 'unknown' }),
        );
      case 'poll':
        return this.#then(this.#at.log.read(this.partition, effect.after), (read) =>
          this.machine.polled(this.now, effect.applied, read),
        );
      case 'join':
        return this.#joinAfter(effect.afterMs, this.#beginLife(), effect.generation);
      case 'follow': {
        const life = this.#life;
        const take = ({ sequence, record }: LogEntry): void => {
          if (!life.over) this.#call(() => this.machine.record(this.now, sequence, record));
        };
        life.follow(() => this.#at.log.follow(this.partition, effect.after, take));
        return this.#endWaits();
      }
      case 'answer':
        return this.#askers.answer(effect.token, effect.answer);
      case 'read':
        return this.#readers.answer(effect.token, effect.answer);
      case 'report':
        if (effect.to !== this.#self) this.#around.report(effect, this.partition);
        return;
      case 'invite': {
        const { to, epoch: term } = effect;
        return this.#then(this.#around.invite(effect, this.partition), (agreed) => {
          if (agreed === false) this.machine.succession.declined(this.now, term, `${to} is not there, or cannot lead`);
        });
      }
      case 'look-up':
        return this.#then(this.#at.snapshots.get(this.partition, snapshotKey(effect.session)), (found) =>
          this.machine.lookedUp(effect.session, found === null ? null : found === undefined ? undefined : positionOf(found)),
        );
      case 'put':
        return this.#then(
          this.#at.snapshots.put(this.partition, snapshotKey(effect.session), effect.value, effect.expected),
          (result) => {
            const { session, value } = effect;
            const stored = result?.outcome === 'stored';
            this.machine.put(session, stored ? result.revision : undefined);
            this.#around.event({ type: 'snapshot', partition: this.partition, session, bytes: value.byteLength, stored });
          },
        );
      case 'trim':
        this.#around.event({ type: 'trim', partition: this.partition, upTo: effect.upTo });
        return this.#then(this.#at.log.trim(this.partition, effect.upTo), () => undefined);
      case 'remove':
        return this.#then(removeTombstone(this.#at.snapshots, this.partition, effect.session, this.#malformed), (removal) =>
          this.machine.upkeep.removed(this.machine.ledger, effect.session, removal ?? 'there'),
        );
      case 'load':
        return void this.#loader?.fetch(effect.session).catch(() => false);
      case 'recall':
        return this.#around.recall(this.partition, effect.recall);
      case 'seed':
        return void this.#seed(this.#beginLife(), effect);
      case 'offer':
        return void this.#offer(effect);
      case 'changed':
        if (this.leads)
          this.#around.event({ type: 'stored', partition: this.partition, entries: effect.entries, classOf: this.#classOf });
        return this.#around.changed(effect.sessions);
      case 'role':
        // whoever waits for it to catch up must hear that it never will
        if (effect.role === 'broken') this.#endWaits();
        return this.#around.event(this.#reports.turned(this.now.ms, effect));
      case 'notice':
        return this.#around.event({ type: 'notice', partition: this.partition, notice: effect.notice });
    }
  }

  /** Of a session that was just changed, and so is no copy of bytes. */
  readonly #classOf = (session: SessionId): string => this.machine.ledger.session(session)?.className ?? '';

  /** Brings a result back, unless the replica has begun anew meanwhile. A rejection (the connection is closed) is no result. */
  #then<T>(promise: Promise<T>, take: (result: T | undefined) => void): void {
    const life = this.#life;
    promise.then(
      (result) => {
        if (!life.over) this.#call(() => take(result));
      },
      () => {
        if (!life.over) this.#call(() => take(undefined));
      },
    );
  }

  get #at(): OpenGeneration {
    invariant(this.#stored !== undefined, 'nothing is asked of the log before it was read');
    return this.#stored;
  }

  /** Ends the life that the replica had; one that is stopped has no other. */
  #beginLife(): ReplicaLife {
    this.#life.end();
    if (!this.#stopped) this.#life = new ReplicaLife();
    return this.#life;
  }

  #joinAfter(ms: number, life: ReplicaLife, wanted: number | undefined): void {
    life.wait(this.#around.runtime.clock.after(ms, () => void this.#join(life, wanted)));
  }

  /** Reads everything, as often as it takes. */
  async #join(life: ReplicaLife, wanted: number | undefined): Promise<void> {
    try {
      const reading = await readPartition(this.#around.generations, {
        partition: this.partition,
        wanted,
        before: this.#stored?.generation,
        remembers: this.machine.ledger.applied > 0,
        live: () => !life.over,
        malformed: this.#malformed,
      });
      if (reading !== undefined && !life.over) {
        this.#stored = reading.from;
        this.#call(() => this.machine.joined(this.now, reading.read));
        if (life.over) return;
        const loader = this.#loaderOf(life, reading.from);
        if (this.machine.ledger.loading) loader.run().catch(() => undefined);
        return;
      }
    } catch (error) {
      if (error instanceof TwinstateError && error.code === 'CLOSED') return;
    }
    if (!life.over) this.#joinAfter(this.machine.options.timing.joinRetryMs, life, wanted);
  }

  /** Makes what fetches the sessions of a generation from now on. */
  #loaderOf(life: ReplicaLife, { snapshots }: OpenGeneration): SnapshotLoader {
    const { runtime, generations } = this.#around;
    return (this.#loader = new SnapshotLoader({
      partition: this.partition,
      snapshots,
      clock: runtime.clock,
      passes: generations.passes,
      keyOf: snapshotKey,
      live: () => !life.over,
      lacks: (id) => this.machine.ledger.lacks(id),
      admit: (found) => {
        const taken = decodedFound(found, this.#malformed);
        const asked = found[0]?.[0] !== undefined;
        this.#call(() => this.machine.recovery.admit(taken, asked ? this.now.ms : undefined));
      },
      listed: (highest) => {
        let complete = false;
        this.#call(() => (complete = this.machine.recovery.admittedUpTo(highest)));
        return complete;
      },
    }));
  }

  async #seed(life: ReplicaLife, effect: Extract<Effect, { type: 'seed' }>): Promise<void> {
    const { generations } = this.#around;
    let result: SeedResult = { kind: 'again' };
    try {
      const begun = await beginGeneration(generations, this.partition, effect);
      result = begun.kind === 'mine' ? { ...begun, stored: decodedAll(begun.stored, this.#malformed) } : begun;
      if (begun.kind === 'mine' && !life.over) {
        this.#stored = await generations.open(effect.lost + 1);
        this.#loaderOf(life, this.#stored);
      }
    } catch (error) {
      if (error instanceof TwinstateError && error.code === 'CLOSED') return;
    }
    if (!life.over) this.#call(() => this.machine.recovery.seeded(this.now, result, effect.seed));
  }

  async #offer({ to, operation }: Extract<Effect, { type: 'offer' }>): Promise<void> {
    const answer = await offer(to, {
      clock: this.#around.runtime.clock,
      ask: (node) => (node === this.#self ? this.operate(operation) : this.#around.offer(node, this.partition, operation)),
      leader: () => (this.leads ? this.#self : this.machine.leader),
      over: () => this.#stopped,
    });
    if (answer?.kind === 'conflict') this.#call(() => this.machine.recovery.offerRefused(operation.session));
  }
}
