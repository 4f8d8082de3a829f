/**
 * The face: creates, opens, commits, watches and destroys sessions, from any process of the cluster.
 *
 * Invariant: an instance that this store handed out or took in is known by a `WorkingCopy`, held weakly; two opens give two
 * copies that share nothing. Every promise rejects with a `TwinstateError`, and for a write its `outcome` is true.
 */
import { Graph } from '../diff/graph.js';
import { instantiate } from '../model/adoption.js';
import type { Init } from '../model/adoption.js';
import { requireImmutables } from '../model/immutability.js';
import type { Class, SessionModel } from '../model/session-model.js';
import { partitionOf } from '../node/cluster-node.js';
import type { NodeStatus as StoreStatus } from '../node/cluster-node.js';
import { beforeSending, ConflictError, TwinstateError } from '../shared/errors.js';
import { sessionId, version as toVersion } from '../shared/ids.js';
import type { Partition, SessionId } from '../shared/ids.js';
import { EMPTY_BYTES } from '../shared/bytes.js';
import { Lanes } from './lane.js';
import { countSessions, listSessions } from './listing.js';
import { checkAck, checkId, invalid, show } from './options.js';
import type { StoreOperation, StoreParts } from './parts.js';
import type { Committed, CreateOptions, OpenOptions, UpdateOptions, WriteOptions } from './calls.js';
import type { CallOptions } from './deadline.js';
import { closed, conflict, gone, notOpen, otherClass, quarantined, stale, unexpected } from './refusals.js';
import { reportConflict, reportOpen, reportWrite } from './reports.js';
import type { Router } from './router.js';
import { watchSession } from './watch.js';
import type { Change } from './watch.js';
import { WorkingCopy } from './working-copy.js';

const ATTEMPTS_DEFAULT = 16;
/** Tries to find a random id whose partition is led here. */
const ID_TRIES = 256;

/** The sessions of a cluster, as one process sees them. Made by `connect`. */
export class SessionStore {
  readonly #parts: StoreParts;
  readonly #copies = new WeakMap<object, WorkingCopy>();
  /** One operation of this client on a session at a time: its last one is what replicas remember. */
  readonly #lanes = new Lanes<SessionId>();
  readonly #updates = new Lanes<SessionId>();
  #operations = 0;
  #closing: Promise<void> | undefined;

  /** @internal use `connect` */
  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  /** This process, as the others know it: name and incarnation. */
  get nodeId(): string {
    return this.#parts.node.self;
  }

  /** Tells what this process holds and knows of the cluster; nobody else is asked. */
  status(): StoreStatus {
    this.#check();
    return this.#parts.node.status();
  }

  /**
   * Makes a session: from attributes (`create(Cart, { customerId })`) or from an instance of yours (`create(cart)`).
   *
   * @throws {TwinstateError} `ATTRIBUTE_MISSING`, `ATTRIBUTE_UNKNOWN`, `VALUE_UNSUPPORTED`, `CLASS_UNKNOWN`, `SESSION_EXISTS`
   */
  create<T extends object>(type: Class<T>, init?: Init<T>, options?: CreateOptions): Promise<T>;
  create<T extends object>(instance: T, options?: CreateOptions): Promise<T>;
  async create(first: object, second?: object, third?: CreateOptions): Promise<object> {
    this.#check();
    const { model, options, instance, id, graph, ack } = beforeSending(() => this.#toCreate(first, second, third));
    const done = await this.#operate(
      { kind: 'create', id, model, base: undefined, payload: graph.encode(), ack, rebased: false },
      options,
    );
    graph.sealImmutables();
    this.#copies.set(instance, new WorkingCopy(model, id, graph, done.version, done.incarnation));
    return instance;
  }

  /** The id of a session that this store made or opened. @throws {TwinstateError} `NOT_OPEN` */
  idOf(instance: object): string {
    return this.#copy(instance).id;
  }

  /** The version that an instance was last synchronised with. @throws {TwinstateError} `NOT_OPEN` */
  versionOf(instance: object): number {
    return this.#copy(instance).base;
  }

  /** Opens a session: an instance and a benchmark of its own. `undefined` where there is none. */
  async open<T extends object>(type: Class<T>, id: string, options: OpenOptions = {}): Promise<T | undefined> {
    this.#check();
    const model = this.#model(type);
    const session = checkId(id);
    const consistency = options.consistency ?? 'primary';
    if (!['strong', 'primary', 'local'].includes(consistency))
      throw invalid('consistency', "'strong', 'primary' or 'local'", show(consistency));
    const atLeast = options.atLeast === undefined ? undefined : toVersion(options.atLeast);
    const { router, events, runtime } = this.#parts;
    const read = { session, consistency, known: undefined, atLeast, use: consistency !== 'local' } as const;
    const asked = router.read(this.#partition(session), read, options);
    const answer = await reportOpen(events, runtime.clock, session, model.name, asked);
    if (answer.kind === 'gone') return undefined;
    if (answer.kind === 'quarantined') throw quarantined(session, answer.why);
    if (answer.kind !== 'snapshot') throw unexpected(answer.kind);
    if (answer.className !== model.name) throw otherClass(session, model.name, answer.className);
    const graph = Graph.decode(answer.snapshot, model.limits);
    const instance = graph.bind(model) as T;
    this.#copies.set(instance, new WorkingCopy(model, session, graph, answer.version, answer.incarnation));
    return instance;
  }

  /**
   * Publishes what changed since the last synchronisation. Compares when called: what is changed while it is awaited belongs to
   * the next commit. Nothing changed: the same version, no record.
   *
   * @throws {ConflictError} where somebody else changed the same slots
   * @throws {TwinstateError} `STALE_INSTANCE` after a commit that did not succeed, until `refresh`; `SESSION_GONE`;
   *   `NOT_ENOUGH_BACKUPS`; `UNAVAILABLE`; what cannot be stored (`VALUE_UNSUPPORTED`, …) before anything was sent
   */
  async commit(instance: object, options: WriteOptions = {}): Promise<Committed> {
    this.#check();
    const copy = this.#copy(instance);
    if (copy.stale !== undefined) throw stale(copy.id, copy.stale);
    const ack = beforeSending(() => checkAck(options.ack)) ?? this.#parts.ack;
    const pending = beforeSending(() => copy.diff());
    if (pending === undefined) {
      await this.#lanes.settled(copy.id);
      if (copy.stale !== undefined) throw stale(copy.id, copy.stale);
      return { version: copy.base, bytes: 0 };
    }
    const bytes = pending.delta.byteLength;
    const stored = this.#lanes.run(copy.id, async () => {
      if (copy.stale !== undefined) throw stale(copy.id, copy.stale);
      try {
        if (pending.conflict !== undefined)
          throw reportConflict(
            this.#parts.events,
            copy.model.name,
            conflict(copy.id, copy.base, copy.base, pending.conflict),
            copy.id,
          );
        const base = { version: copy.base, incarnation: copy.incarnation };
        const operation = {
          kind: 'commit',
          id: copy.id,
          model: copy.model,
          base,
          payload: pending.delta,
          ack,
          rebased: pending.rebased,
        } as const;
        const done = await this.#send(operation, options);
        copy.acknowledged(done.version, done.others, done.merged);
        return { version: done.version, bytes };
      } catch (error) {
        copy.stale ??= error as TwinstateError;
        throw error;
      }
    });
    if (ack !== 'none') return stored;
    // queued: whoever commits next learns what became of it
    stored.catch(() => undefined);
    return { version: copy.base + copy.pending.length, bytes };
  }

  /** Brings a held instance up to date in place. What was changed and not committed is gone. @throws {TwinstateError} `SESSION_GONE` */
  async refresh(instance: object, options: CallOptions = {}): Promise<Committed> {
    this.#check();
    const copy = this.#copy(instance);
    return this.#lanes.run(copy.id, async () => {
      const known = copy.stale === undefined ? { version: copy.base, incarnation: copy.incarnation } : undefined;
      const read = { session: copy.id, consistency: 'strong', known, atLeast: undefined, use: true } as const;
      const answer = await this.#parts.router.read(this.#partition(copy.id), read, options);
      if (answer.kind === 'gone') throw gone(copy.id, undefined, answer.ended);
      if ('incarnation' in answer && answer.incarnation !== copy.incarnation) throw gone(copy.id);
      if (answer.kind === 'quarantined') throw quarantined(copy.id, answer.why);
      if (answer.kind === 'snapshot') copy.reset(answer, answer.version);
      else copy.reset({ deltas: answer.kind === 'deltas' ? answer.deltas : [] }, answer.version);
      return { version: answer.version, bytes: 0 };
    });
  }

  /**
   * Opens a session, lets `fn` change it, and commits; `fn` runs again on a conflict, on newer state. Updates of one session run
   * in order in this process. Resolves with what `fn` returned.
   *
   * @throws {TwinstateError} `SESSION_GONE` where there is none and no `create`; what `fn` throws, and then nothing is committed
   */
  async update<T extends object, R>(
    type: Class<T>,
    id: string,
    fn: (session: T) => R | Promise<R>,
    options: UpdateOptions<T> = {},
  ): Promise<R> {
    this.#check();
    const attempts = options.attempts ?? ATTEMPTS_DEFAULT;
    const session = beforeSending(() => {
      if (!Number.isInteger(attempts) || attempts < 1) throw invalid('attempts', 'a whole number from 1', show(options.attempts));
      return checkId(id);
    });
    const { clock, random } = this.#parts.runtime;
    const startedMs = clock.now();
    return this.#updates.run(session, async () => {
      for (let attempt = 1; ; attempt++) {
        const instance = (await this.open(type, session, options)) ?? (await this.#createOrOpen(type, session, options));
        const result = await fn(instance);
        try {
          await this.commit(instance, options);
          const ms = clock.now() - startedMs;
          this.#parts.events.tell('update', () => ({ session, class: this.#model(type).name, attempts: attempt, ms }));
          return result;
        } catch (error) {
          if (!(error instanceof ConflictError) || attempt >= attempts) throw error;
          await new Promise<void>((resolve) => clock.after(random() * Math.min(50, 2 ** attempt), resolve));
        }
      }
    });
  }

  /** Yields every new version from now on with the paths that changed; versions that follow fast come together. Ends at destroy. */
  watch<T extends object>(
    type: Class<T>,
    id: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncIterable<Change> {
    this.#check();
    const session = checkId(id);
    return watchSession(
      this.#parts.router,
      this.#partition(session),
      session,
      this.#model(type),
      options,
      () => this.#closing !== undefined,
    );
  }

  /** Renews a session's idle time. @throws {TwinstateError} `SESSION_GONE` */
  async touch<T extends object>(type: Class<T>, id: string, options: WriteOptions = {}): Promise<void> {
    this.#check();
    await this.#operate(
      beforeSending(() => this.#onWhatIsThere('touch', type, id, options)),
      options,
    );
  }

  /** Ends a session for good; late commits of it are refused. Resolves to whether there was one. */
  async destroy<T extends object>(type: Class<T>, id: string, options: WriteOptions = {}): Promise<boolean> {
    this.#check();
    const operation = beforeSending(() => this.#onWhatIsThere('destroy', type, id, options));
    try {
      await this.#operate(operation, options);
      return true;
    } catch (error) {
      if (error instanceof TwinstateError && error.code === 'SESSION_GONE') return false;
      throw error;
    }
  }

  /** Yields the ids of all sessions of a class; those made or destroyed meanwhile may be there or not. */
  list<T extends object>(type: Class<T>, options: CallOptions = {}): AsyncGenerator<string, void, undefined> {
    this.#check();
    const { node, router } = this.#parts;
    return listSessions(router, node.partitions, this.#model(type).name, options);
  }

  /** Counts the sessions of a class. */
  async count<T extends object>(type: Class<T>, options: CallOptions = {}): Promise<number> {
    this.#check();
    const { node, router } = this.#parts;
    return countSessions(router, node.partitions, this.#model(type).name, options);
  }

  /** Lets everything under way end, then leaves: the backups take over at once. */
  async drain(): Promise<void> {
    this.#check();
    await Promise.all([this.#updates.idle(), this.#lanes.idle()]);
    await this.close();
  }

  /** Leaves the cluster. What is under way rejects with a true outcome. Closing twice is the same as once. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#parts.node.close();
      await this.#parts.connection.close();
    })();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What a create needs, checked. */
  #toCreate(first: object, second?: object, third?: CreateOptions) {
    const given = typeof first === 'function';
    // what stands in the slot `constructor` of the instance itself may be data
    const model = this.#model(
      given ? first : (Object.getPrototypeOf(first ?? {}) as { constructor?: unknown } | null)?.constructor,
    );
    const options: CreateOptions = (given ? third : second) ?? {};
    const instance = given ? instantiate(model, second) : first;
    if (!given && this.#copies.has(instance)) {
      throw new TwinstateError('SESSION_EXISTS', 'this instance is a session already', {
        outcome: 'not-stored',
        cure: 'commit it',
      });
    }
    if (!given) requireImmutables(model.root, instance, new Set());
    const id = options.id === undefined ? this.#newId() : checkId(options.id);
    const graph = Graph.capture(instance, model);
    return { model, options, instance, id, graph, ack: checkAck(options.ack) ?? this.#parts.ack };
  }

  async #createOrOpen<T extends object>(type: Class<T>, id: SessionId, options: UpdateOptions<T>): Promise<T> {
    if (options.create === undefined) throw gone(id, 'not-stored');
    try {
      return await this.create(type, options.create, { ...options, id });
    } catch (error) {
      // somebody else was faster, or an earlier try of ours was stored
      if (error instanceof TwinstateError && error.code === 'SESSION_EXISTS') {
        const instance = await this.open(type, id, options);
        if (instance !== undefined) return instance;
      }
      throw error;
    }
  }

  #onWhatIsThere(kind: 'touch' | 'destroy', type: object, id: string, options: WriteOptions): StoreOperation {
    const ack = checkAck(options.ack) ?? this.#parts.ack;
    return { kind, id: checkId(id), model: this.#model(type), base: undefined, payload: EMPTY_BYTES, ack, rebased: false };
  }

  #operate(operation: StoreOperation, options: CallOptions): ReturnType<Router['operate']> {
    return this.#lanes.run(operation.id, () => this.#send(operation, options));
  }

  #send(operation: StoreOperation, options: CallOptions): ReturnType<Router['operate']> {
    const { kind, id, model, base, payload, ack, rebased } = operation;
    const { client, router, events, runtime } = this.#parts;
    const op = { client, counter: ++this.#operations };
    const backups = typeof ack === 'object' ? ack.backups : 0;
    const asked = { kind, session: id, op, base, className: model.name, payload, backups, rebased };
    const lifetime = { ttlMs: model.ttlMs ?? 0, maxAgeMs: model.maxAgeMs ?? 0 };
    const done = router.operate(this.#partition(id), kind === 'create' ? { ...asked, lifetime } : asked, options);
    return reportWrite(events, runtime.clock, operation, done);
  }

  /** Ids are random; the first whose partition is led here keeps traffic that sticks to this process inside it. */
  #newId(): SessionId {
    const { runtime, node } = this.#parts;
    const led = new Set(node.led);
    let id = sessionId(runtime.uniqueId());
    for (let i = 0; led.size > 0 && i < ID_TRIES && !led.has(this.#partition(id)); i++) id = sessionId(runtime.uniqueId());
    return id;
  }

  #partition(id: SessionId): Partition {
    return partitionOf(id, this.#parts.node.partitions);
  }

  #model(type: unknown): SessionModel {
    const model = this.#parts.models.get(type as object);
    if (model !== undefined) return model;
    throw new TwinstateError('NOT_A_SESSION', `${show(type)} is not among the sessions of this store`, {
      expected: `one of ${[...this.#parts.models.values()].map((each) => each.root.type.name).join(', ')}`,
      cure: 'name it in `connect({ sessions: […] })`',
      outcome: 'not-stored',
    });
  }

  #copy(instance: object): WorkingCopy {
    const copy = typeof instance === 'object' && instance !== null ? this.#copies.get(instance) : undefined;
    if (copy !== undefined) return copy;
    throw notOpen(instance);
  }

  #check(): void {
    if (this.#closing === undefined) return;
    throw closed('not-stored');
  }
}
