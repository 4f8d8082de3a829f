/**
 * What every web framework's session store does: keeps plain request sessions and Twinstate's instances together.
 *
 * Invariant: a request's session is a shallow copy of an instance that was opened for it alone. Saving it copies its keys back and
 * commits, so exactly what this request changed is sent, whatever others saved meanwhile; what was destroyed meanwhile stays so.
 */
import { TwinstateError, type SessionStore } from '../index.js';
import { modelOf } from '../diff/index.js';
import { HttpSession, type CookieSettings, type WebSession } from './web-session.js';

export interface WebStoreOptions {
  /** Made by `connect`, which must know the session class: `connect({ sessions: [HttpSession] })`. */
  readonly store: SessionStore;
  /** The class of the sessions; unless given, plain data of any kind. */
  readonly session?: new () => WebSession;
  /** In front of each id, so that several applications can share a cluster. */
  readonly prefix?: string;
  /** Reading a session does not renew it. */
  readonly disableTouch?: boolean;
}

export type SaveResult = 'saved' | 'gone';

/** A request's session, or what a store was given in its place. */
export type Data = Record<string, unknown> & { cookie?: CookieSettings };

interface Held {
  readonly id: string;
  readonly instance: Data;
}

export class WebStore {
  readonly #store: SessionStore;
  readonly #type: new () => WebSession;
  readonly #prefix: string;
  readonly #disableTouch: boolean;
  /** The attributes, where there are no others. */
  readonly #known: ReadonlySet<string> | undefined;
  readonly #held = new WeakMap<object, Held>();

  /** @throws {TwinstateError} `OPTION_INVALID`, and what is wrong with the class */
  constructor({ store, session = HttpSession, prefix = 'sess:', disableTouch = false }: WebStoreOptions) {
    const { root } = modelOf(session);
    this.#known = root.open ? undefined : new Set(root.attributes.map(({ property }) => property));
    if (this.#known?.has('cookie') === false) {
      throw new TwinstateError('OPTION_INVALID', `${session.name} has no place for the cookie's settings`, {
        expected: 'a class that extends WebSession',
        received: `the attributes ${[...this.#known].join(', ')}`,
        cure: `write \`class ${session.name} extends WebSession\``,
      });
    }
    this.#store = store;
    this.#type = session;
    this.#prefix = prefix;
    this.#disableTouch = disableTouch;
  }

  /** Opens a session as data for one request. */
  async get(id: string): Promise<Data | undefined> {
    const instance = (await this.#store.open(this.#type, this.#prefix + id)) as Data | undefined;
    if (instance === undefined) return undefined;
    const data: Data = {};
    for (const key of Object.keys(instance)) define(data, key, instance[key]);
    data.cookie = cookieNow(instance.cookie);
    this.#held.set(data, { id, instance });
    return data;
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
    try {
      this.#carry(data, held.instance);
      await this.#store.commit(held.instance);
      return 'saved';
    } catch (error) {
      if (isGone(error)) return 'gone';
      throw error;
    }
  }

  /** Renews a session, and stores what the framework did not see change, such as an entry of a `Map`. */
  async touch(id: string, data: Data): Promise<SaveResult> {
    try {
      const held = this.#held.get(data);
      if (held?.id === id) {
        const before = this.#store.versionOf(held.instance);
        this.#carry(data, held.instance);
        const { version } = await this.#store.commit(held.instance);
        // a commit renews too
        if (version !== before) return 'saved';
      }
      if (!this.#disableTouch) await this.#store.touch(this.#type, this.#prefix + id);
      return 'saved';
    } catch (error) {
      if (isGone(error)) return 'gone';
      throw error;
    }
  }

  destroy(id: string): Promise<boolean> {
    return this.#store.destroy(this.#type, this.#prefix + id);
  }

  /** The ids of all sessions of this application. */
  async *ids(): AsyncGenerator<string, void, undefined> {
    for await (const id of this.#store.list(this.#type)) if (id.startsWith(this.#prefix)) yield id.slice(this.#prefix.length);
  }

  /** A session that this request did not open: it is new, or somebody stores it whole. */
  async #replace(id: string, data: Data): Promise<SaveResult> {
    for (;;) {
      let instance = (await this.#store.open(this.#type, this.#prefix + id)) as Data | undefined;
      try {
        if (instance === undefined) {
          instance = new this.#type() as unknown as Data;
          this.#carry(data, instance);
          await this.#store.create(instance, { id: this.#prefix + id });
        } else {
          this.#carry(data, instance);
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
  #carry(data: Data, instance: Data): void {
    const keys = Object.keys(data);
    const unknown = this.#known === undefined ? undefined : keys.find((key) => !this.#known!.has(key));
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
    const cookie = data.cookie === undefined ? undefined : settingsOf(data.cookie);
    if (!sameSettings(cookie, instance.cookie)) instance.cookie = cookie;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof TwinstateError && error.code === 'SESSION_GONE';
}

/** Writes a key as data, whatever its name; an attribute of the class by assignment. */
function define(object: object, key: string, value: unknown): void {
  if (key in object && key !== '__proto__') (object as Record<string, unknown>)[key] = value;
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

/** A cookie that is renewed runs out so long after this request. */
function cookieNow(settings: CookieSettings | undefined): CookieSettings {
  const { originalMaxAge, ...rest }: CookieSettings = settings ?? { originalMaxAge: null };
  const expires = typeof originalMaxAge === 'number' ? new Date(Date.now() + originalMaxAge) : rest.expires;
  return { ...rest, originalMaxAge, ...(expires === undefined ? {} : { expires }) };
}

/** What of a cookie is kept. express-session's own is a class that gives its settings by `toJSON`. */
function settingsOf(cookie: CookieSettings & { readonly toJSON?: () => CookieSettings }): CookieSettings {
  const given: CookieSettings = cookie.toJSON?.() ?? cookie;
  const settings: CookieSettings = { originalMaxAge: null };
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && typeof value !== 'function') (settings as unknown as Data)[name] = value;
  }
  const { expires, originalMaxAge } = given;
  // a date that follows from the age would change with each request
  if (typeof originalMaxAge === 'number' || expires === null || expires === undefined) delete settings.expires;
  else settings.expires = new Date(expires);
  return settings;
}

function sameSettings(a: CookieSettings | undefined, b: CookieSettings | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
