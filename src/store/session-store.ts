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
import type { NodeStatus as StoreStatus } from '../node/status.js';
import { beforeSending, TwinstateError } from '../shared/errors.js';
import { sessionId } from '../shared/ids.js';
import type { Partition, SessionId } from '../shared/ids.js';
import { EMPTY_BYTES } from '../shared/bytes.js';
import { checkFreshness } from './freshness.js';
import { checkAck, checkCall, checkId, invalid, show } from './options.js';
import type { StoreParts } from './parts.js';
import type { Committed, CreateOptions, OpenOptions, UpdateOptions, WriteOptions } from './calls.js';
import { Deadline, TIMEOUT_MS_DEFAULT } from './deadline.js';
import type { CallOptions } from './call-options.js';
import { closed, gone, notOpen, stale } from './refusals.js';
import type { StoreOperation } from './session-writer.js';
import { Updates } from './updates.js';
import { watchSession } from './watch.js';
import type { Change } from './watch.js';
import { WorkingCopy } from './working-copy.js';

const ATTEMPTS_DEFAULT = 16;
const LIST_PAGE = 500;
const NO_OPTIONS: WriteOptions = {};
/** Tries to find a random id whose partition is led here. */
const ID_TRIES = 256;

/** The sessions of a cluster, as one process sees them. Made by `connect`. */
export class SessionStore {
  readonly #parts: StoreParts;
  readonly #copies = new WeakMap<object, WorkingCopy>();
  readonly #updates: Updates;
  #closing: Promise<void> | undefined;

  /** @internal use `connect` */
  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#updates = new Updates(parts.runtime.random);
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
    const { model, instance, id, graph, ack, deadline } = beforeSending(() => this.#toCreate(first, second, third));
    const payload = beforeSending(() => graph.encode());
    const operation = { kind: 'create', id, model, base: undefined, payload, ack, rebased: false } as const;
    const done = await this.#parts.writer.operate(operation, deadline);
    graph.sealImmutables();
    this.#copies.set(instance, new WorkingCopy(model, id, graph, done.version, done.incarnation, payload));
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

  /** The partition of a session, there or not: what events and `status()` call `partition`. @throws {TwinstateError} `OPTION_INVALID` */
  partitionOf(id: string): number {
    return this.#partition(checkId(id));
  }

  /** Opens a session: an instance and a benchmark of its own. `undefined` where there is none. */
  async open<T extends object>(type: Class<T>, id: string, options: OpenOptions = {}): Promise<T | undefined> {
    this.#check();
    const model = this.#model(type);
    const session = checkId(id);
    const deadline = this.#deadline(options);
    const opened = await this.#parts.reader.open(this.#partition(session), model, session, checkFreshness(options), deadline);
    if (opened === undefined) return undefined;
    const { graph, version, incarnation } = opened;
    const instance = graph.instance as T;
    this.#copies.set(instance, new WorkingCopy(model, session, graph, version, incarnation));
    return instance;
  }

  /**
   * Publishes what changed since the last synchronisation. Compares when called: what is changed while it is awaited belongs to
   * the next commit. Nothing changed: the same version, no record.
   *
   * @throws {ConflictError} where somebody else changed the same slots
   * @throws {TwinstateError} `STALE_INSTANCE` after a commit that did not succeed, until `refresh`; `SESSION_GONE`; `TIMEOUT`;
   *   `NOT_ENOUGH_BACKUPS`; `UNAVAILABLE`; what cannot be stored (`VALUE_UNSUPPORTED`, with `audit` `IMMUTABLE_CHANGED`, …) before
   *   anything was sent
   */
  commit(instance: object, options: WriteOptions = NO_OPTIONS): Promise<Committed> {
    try {
      return this.#commit(instance, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Brings a held instance up to date in place. What was changed and not committed is gone. @throws {TwinstateError} `SESSION_GONE` */
  async refresh(instance: object, options: CallOptions = {}): Promise<Committed> {
    this.#check();
    const copy = this.#copy(instance);
    const deadline = this.#deadline(options);
    return this.#parts.writer.inTurn(
      copy.id,
      async () => {
        await this.#parts.reader.refresh(this.#partition(copy.id), copy, deadline);
        return { version: copy.base, bytes: 0 };
      },
      deadline,
    );
  }

  /**
   * Opens a session, lets `fn` change it, and commits; `fn` runs again on a conflict, on newer state. Updates of one session run
   * in order in this process, and `timeoutMs` counts from the call. Resolves with what `fn` returned.
   *
   * @throws {TwinstateError} `SESSION_GONE` where there is none and no `create`; `LIMIT_EXCEEDED` where 1,000 wait for their turn
   *   already; what `fn` throws, and then nothing is committed
   */
  async update<T extends object, R>(
    type: Class<T>,
    id: string,
    fn: (session: T) => R | Promise<R>,
    options: UpdateOptions<T> = {},
  ): Promise<R> {
    this.#check();
    const attempts = options.attempts ?? ATTEMPTS_DEFAULT;
    const { session, deadline } = beforeSending(() => {
      if (!Number.isInteger(attempts) || attempts < 1) throw invalid('attempts', 'a whole number from 1', show(options.attempts));
      return { session: checkId(id), deadline: this.#deadline(options) };
    });
    const { clock } = this.#parts.runtime;
    const startedMs = clock.now();
    let runs = 0;
    return this.#updates.run(session, attempts, deadline, async () => {
      runs++;
      const rest = { ...options, ...deadline.rest };
      let instance: T;
      try {
        instance = (await this.open(type, session, rest)) ?? (await this.#createOrOpen(type, session, rest));
      } catch (error) {
        return beforeSending(() => {
          throw error;
        });
      }
      const result = await deadline.within(Promise.resolve(fn(instance)), 'in the function given to `update`', 'not-stored');
      await this.commit(instance, { ...options, ...deadline.rest });
      const ms = clock.now() - startedMs;
      this.#parts.events.tell('update', () => ({ session, class: this.#model(type).name, attempts: runs, ms }));
      return result;
    });
  }

  /** Yields every new version from now on with the paths that changed; versions that follow fast come together. Ends at destroy. */
  watch<T extends object>(type: Class<T>, id: string, options: CallOptions = {}): AsyncIterable<Change> {
    this.#check();
    const session = checkId(id);
    const { router, runtime, watchers } = this.#parts;
    const changes = watchSession({
      router,
      clock: runtime.clock,
      partition: this.#partition(session),
      session,
      model: this.#model(type),
      options: checkCall(options),
      closed: () => this.#closing !== undefined,
    });
    return watchers.bounded(changes);
  }

  /** Renews a session's idle time. @throws {TwinstateError} `SESSION_GONE` */
  async touch<T extends object>(type: Class<T>, id: string, options: WriteOptions = {}): Promise<void> {
    this.#check();
    const { operation, deadline } = beforeSending(() => this.#onWhatIsThere('touch', type, id, options));
    await this.#parts.writer.operate(operation, deadline);
  }

  /**
   * Ends a session for good; late commits of it are refused. Resolves to whether there was one.
   *
   * @throws {TwinstateError} `SESSION_GONE` with the outcome `unknown` where there was none, and an earlier try of this call, lost on
   * its way to another node, may still end one that is created now
   */
  async destroy<T extends object>(type: Class<T>, id: string, options: WriteOptions = {}): Promise<boolean> {
    this.#check();
    const { operation, deadline } = beforeSending(() => this.#onWhatIsThere('destroy', type, id, options));
    try {
      await this.#parts.writer.operate(operation, deadline);
      return true;
    } catch (error) {
      if (error instanceof TwinstateError && error.code === 'SESSION_GONE' && error.outcome === 'not-stored') return false;
      throw error;
    }
  }

  /** Yields the ids of all sessions of a class; those made or destroyed meanwhile may be there or not. `timeoutMs` bounds each page. */
  async *list<T extends object>(type: Class<T>, options: CallOptions = {}): AsyncGenerator<string, void, undefined> {
    this.#check();
    const { name } = this.#model(type);
    for (let partition = 0; partition < this.#parts.node.partitions; partition++) {
      let after = '';
      for (;;) {
        const { ids } = await this.#parts.router.list(partition as Partition, name, after, LIST_PAGE, this.#deadline(options));
        yield* ids;
        if (ids.length < LIST_PAGE) break;
        after = ids.at(-1)!;
      }
    }
  }

  /** Counts the sessions of a class. */
  async count<T extends object>(type: Class<T>, options: CallOptions = {}): Promise<number> {
    this.#check();
    const { name } = this.#model(type);
    const deadline = this.#deadline(options);
    let count = 0;
    for (let partition = 0; partition < this.#parts.node.partitions; partition++) {
      count += (await this.#parts.router.list(partition as Partition, name, '', 0, deadline)).total;
    }
    return count;
  }

  /** Hands over what this process leads and holds, within `timeoutMs`, and leaves once what is under way has ended. Serves meanwhile. */
  async drain({ timeoutMs = TIMEOUT_MS_DEFAULT }: Pick<CallOptions, 'timeoutMs'> = {}): Promise<void> {
    this.#check();
    await this.#parts.node.drain(timeoutMs);
    await Promise.all([this.#updates.idle(), this.#parts.writer.idle()]);
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

  /** No asynchronous function: what most processes do most is given the writer's own promise. */
  #commit(instance: object, options: WriteOptions): Promise<Committed> {
    this.#check();
    const copy = this.#copy(instance);
    if (copy.stale !== undefined) throw stale(copy.id, copy.stale);
    const { writer, audit, ack: ackDefault } = this.#parts;
    const { ack, deadline, pending } = beforeSending(() => ({
      ack: checkAck(options.ack) ?? ackDefault,
      deadline: this.#deadline(options),
      pending: copy.diff(audit),
    }));
    if (pending === undefined) return this.#unchanged(copy, deadline);
    const { byteLength: bytes } = pending.delta;
    const stored = writer.commit(copy, pending, ack, deadline);
    if (ack !== 'none') return stored;
    // queued: whoever commits next learns what became of it
    stored.catch(() => undefined);
    return Promise.resolve({ version: copy.base + copy.pending.length, bytes });
  }

  async #unchanged(copy: WorkingCopy, deadline: Deadline): Promise<Committed> {
    await this.#parts.writer.inTurn(copy.id, () => Promise.resolve(), deadline);
    if (copy.stale !== undefined) throw stale(copy.id, copy.stale);
    return { version: copy.base, bytes: 0 };
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
    return { model, instance, id, graph, ack: checkAck(options.ack) ?? this.#parts.ack, deadline: this.#deadline(options) };
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

  #onWhatIsThere(kind: 'touch' | 'destroy', type: object, id: string, options: WriteOptions) {
    const ack = checkAck(options.ack) ?? this.#parts.ack;
    const what = { kind, id: checkId(id), model: this.#model(type), ack };
    const operation: StoreOperation = { ...what, base: undefined, payload: EMPTY_BYTES, rebased: false };
    return { operation, deadline: this.#deadline(options) };
  }

  #deadline(options: CallOptions): Deadline {
    return new Deadline(this.#parts.runtime.clock, checkCall(options));
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
