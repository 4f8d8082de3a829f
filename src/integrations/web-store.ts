/**
 * What every web framework's session store does: keeps plain request sessions and Twinstate's instances together.
 *
 * Invariant: a request's session is a shallow copy of an instance that was opened for it alone. Saving it copies its keys back and
 * commits, so exactly what this request changed is sent, whatever others saved meanwhile; what was destroyed meanwhile stays so.
 */
import { TwinstateError, type SessionStore } from '../index.js';
import { modelOf } from '../diff/index.js';
import { isOver, Lifetime } from './lifetime.js';
import { cookieAt, isSameCookie, storedCookie, type StoredCookie } from './stored-cookie.js';
import { HttpSession, type CookieSettings, type WebSession } from './web-session.js';

export interface WebStoreOptions {
  /** Made by `connect`, which must know the session class: `connect({ sessions: [HttpSession] })`. */
  readonly store: SessionStore;
  /** The class of the sessions; unless given, plain data of any kind. */
  readonly session?: new () => WebSession;
  /** In front of each id, so that several applications can share a cluster. */
  readonly prefix?: string;
  /**
   * How long a session is there without being used, in seconds, where its cookie has no age; a function decides for all. Otherwise the
   * class's own `ttl`, which is the upper bound of either. It ends up to a tenth later.
   */
  readonly ttl?: number | ((session: Data) => number);
  /** Reading a session does not renew it; only what stores a change does. */
  readonly disableTouch?: boolean;
}

export type SaveResult = 'saved' | 'gone';

/** A request's session, or what a store was given in its place. */
export type Data = Record<string, unknown> & { cookie?: CookieSettings };

/** The state that a request started from, and changes. */
type Instance = Record<string, unknown> & { cookie?: StoredCookie | undefined };

interface Held {
  readonly id: string;
  readonly instance: Instance;
}

export class WebStore {
  readonly #store: SessionStore;
  readonly #type: new () => WebSession;
  readonly #prefix: string;
  readonly #disableTouch: boolean;
  readonly #lifetime: Lifetime<Data>;
  /** The attributes, where there are no others. */
  readonly #known: ReadonlySet<string> | undefined;
  readonly #held = new WeakMap<object, Held>();
  readonly #begun = new WeakSet<object>();

  /**
   * @param taken what the framework itself keeps on a session, which cannot be data
   * @throws {TwinstateError} `OPTION_INVALID`, and what is wrong with the class
   */
  constructor(
    { store, session = HttpSession, prefix = 'sess:', ttl, disableTouch = false }: WebStoreOptions,
    taken: readonly string[] = [],
  ) {
    const { root, ttlMs } = modelOf(session);
    this.#known = root.open ? undefined : new Set(root.attributes.map(({ property }) => property));
    if (this.#known?.has('cookie') === false) {
      throw new TwinstateError('OPTION_INVALID', `${session.name} has no place for the cookie's settings`, {
        expected: 'a class that extends WebSession',
        received: `the attributes ${[...this.#known].join(', ')}`,
        cure: `write \`class ${session.name} extends WebSession\``,
      });
    }
    const lost = root.attributes.find(({ property }) => taken.includes(property));
    if (lost !== undefined) {
      throw new TwinstateError('OPTION_INVALID', `${session.name}.${lost.property} can never be seen`, {
        expected: `other names than ${taken.join(', ')}, which the framework keeps on its sessions`,
        received: `the attribute ${lost.property}`,
        cure: `rename the property; @Mutable({ name: '${lost.property}' }) keeps what is stored`,
      });
    }
    this.#store = store;
    this.#type = session;
    this.#prefix = prefix;
    this.#disableTouch = disableTouch;
    this.#lifetime = new Lifetime({ ttl, classMs: ttlMs, className: session.name, disableTouch });
  }

  /** Opens a session as data for one request; one whose time is over is destroyed. */
  async get(id: string): Promise<Data | undefined> {
    const instance = await this.#open(id);
    if (instance === undefined) return undefined;
    const now = Date.now();
    if (isOver(instance.cookie?.endsAt, now)) {
      // it is not there, whether or not that can be stored now
      await this.destroy(id).catch(() => false);
      return undefined;
    }
    const data = dataOf(instance, now);
    this.#held.set(data, { id, instance });
    return data;
  }

  /** Reads a session as this process knows it, which is no use of it. */
  async peek(id: string): Promise<Data | undefined> {
    const now = Date.now();
    // a session just made elsewhere may not be known here
    const instance = (await this.#open(id, 'local')) ?? (await this.#open(id));
    return instance === undefined || isOver(instance.cookie?.endsAt, now) ? undefined : dataOf(instance, now);
  }

  /** Gives a new request's session what the class begins with, once, and leaves what is there already. */
  begin(data: object): void {
    if (this.#begun.has(data) || this.#held.has(data)) return;
    this.#begun.add(data);
    const instance = new this.#type() as unknown as Instance;
    for (const key of Object.keys(instance)) if (key !== 'cookie' && !Object.hasOwn(data, key)) define(data, key, instance[key]);
  }

  /** Whether this is the session of a request that opened it here, or has stored it. */
  isHeld(id: string, data: object): boolean {
    return this.#held.get(data)?.id === id;
  }

  /** The same session under another object: what a framework makes of what `get` returned. */
  link(from: object, to: object): void {
    const held = this.#held.get(from);
    if (held !== undefined) this.#held.set(to, held);
  }

  /** Stores what this request has changed; a session that was not opened here is stored as it is. */
  async save(id: string, data: Data): Promise<SaveResult> {
    const held = this.#held.get(data);
    if (held?.id !== id) return this.#replace(id, data);
    return this.#unlessGone(async () => {
      const now = Date.now();
      const end = this.#lifetime.endOf(data, now, held.instance.cookie?.endsAt);
      if (isOver(end, now)) return this.#end(id);
      this.#carry(data, held.instance, end);
      await this.#store.commit(held.instance);
      return 'saved';
    });
  }

  /** Renews a session, and stores what the framework did not see change, such as an entry of a `Map`. */
  async touch(id: string, data: Data): Promise<SaveResult> {
    return this.#unlessGone(async () => {
      const held = this.#held.get(data);
      const isHeld = held?.id === id;
      if (!isHeld && this.#disableTouch) return 'saved';
      const instance = isHeld ? held.instance : await this.#open(id);
      if (instance === undefined) return 'gone';
      const now = Date.now();
      const before = instance.cookie?.endsAt;
      const end = this.#disableTouch ? before : this.#lifetime.endOf(data, now, before);
      if (!this.#disableTouch && isOver(end, now)) return this.#end(id);
      if (isHeld) this.#carry(data, instance, end);
      else instance.cookie = storedCookie(instance.cookie, instance.cookie, end);
      const version = this.#store.versionOf(instance);
      // a commit that changed something renews too
      if ((await this.#store.commit(instance)).version === version && !this.#disableTouch) {
        await this.#store.touch(this.#type, this.#prefix + id);
      }
      return 'saved';
    });
  }

  destroy(id: string): Promise<boolean> {
    return this.#store.destroy(this.#type, this.#prefix + id);
  }

  /** The ids of all sessions of this application. */
  async *ids(): AsyncGenerator<string, void, undefined> {
    for await (const id of this.#store.list(this.#type)) if (id.startsWith(this.#prefix)) yield id.slice(this.#prefix.length);
  }

  async #open(id: string, consistency: 'primary' | 'local' = 'primary'): Promise<Instance | undefined> {
    return (await this.#store.open(this.#type, this.#prefix + id, { consistency })) as Instance | undefined;
  }

  /** What is stored with no time left is destroyed, as it was asked for. */
  async #end(id: string): Promise<SaveResult> {
    await this.destroy(id);
    return 'saved';
  }

  async #unlessGone(work: () => Promise<SaveResult>): Promise<SaveResult> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof TwinstateError && error.code === 'SESSION_GONE') return 'gone';
      throw error;
    }
  }

  /** A session that this request did not open: it is new, or somebody stores it whole. */
  async #replace(id: string, data: Data): Promise<SaveResult> {
    for (;;) {
      let instance = await this.#open(id);
      const now = Date.now();
      const end = this.#lifetime.endOf(data, now, instance?.cookie?.endsAt);
      try {
        if (isOver(end, now)) return await this.#end(id);
        if (instance === undefined) {
          instance = new this.#type() as unknown as Instance;
          this.#carry(data, instance, end);
          await this.#store.create(instance, { id: this.#prefix + id });
        } else {
          this.#carry(data, instance, end);
          await this.#store.commit(instance);
        }
      } catch (error) {
        // made or destroyed by somebody else in between
        if (error instanceof TwinstateError && (error.code === 'SESSION_EXISTS' || error.code === 'SESSION_GONE')) continue;
        throw error;
      }
      this.#held.set(data, { id, instance });
      return 'saved';
    }
  }

  /** Makes the instance's own attributes those of the request's session. Objects are taken as they are. */
  #carry(data: Data, instance: Instance, endsAt: number | undefined): void {
    const keys = Object.keys(data);
    const unknown =
      this.#known === undefined ? undefined : keys.find((key) => !this.#known!.has(key) && !Object.hasOwn(instance, key));
    if (unknown !== undefined) {
      throw new TwinstateError('ATTRIBUTE_UNKNOWN', `${this.#type.name} has no attribute ${JSON.stringify(unknown)}`, {
        expected: [...this.#known!].join(', '),
        received: unknown,
        cure: `declare it: @Mutable() ${unknown}; or keep sessions of any data, without a class`,
        outcome: 'not-stored',
      });
    }
    for (const key of Object.keys(instance)) {
      if (Object.hasOwn(data, key)) continue;
      if (this.#known === undefined && key !== 'cookie') Reflect.deleteProperty(instance, key);
      else instance[key] = undefined;
    }
    for (const key of keys) {
      if (key === 'cookie' || (Object.hasOwn(instance, key) && Object.is(data[key], instance[key]))) continue;
      define(instance, key, data[key]);
    }
    const cookie = storedCookie(data.cookie, instance.cookie, endsAt);
    if (!isSameCookie(cookie, instance.cookie)) instance.cookie = cookie;
  }
}

function dataOf(instance: Instance, now: number): Data {
  const data: Data = {};
  for (const key of Object.keys(instance)) define(data, key, instance[key]);
  data.cookie = cookieAt(now, instance.cookie);
  return data;
}

/** Writes a key as data, whatever its name; an attribute of the class by assignment. */
function define(object: object, key: string, value: unknown): void {
  if (key in object && key !== '__proto__') (object as Record<string, unknown>)[key] = value;
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}
