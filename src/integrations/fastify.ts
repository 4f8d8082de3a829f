/**
 * `twinstate/fastify`: a store for @fastify/session.
 *
 * Invariant: @fastify/session decides when a session is read, saved and destroyed, as with any store; what is stored of it is found by
 * comparing with what this request read. It makes an object of its own of what `get` gave, without telling the store: what it copies
 * carries the link to the instance (`#marked`).
 */
/* oxlint-disable typescript/no-misused-promises -- without a callback, each method gives a promise: what the framework ignores */
import { EventEmitter } from 'node:events';
import type fastifySession from '@fastify/session';
import type { Session } from 'fastify';
import { watchLink } from './link-watch.js';
import { isSamePrint, printOf } from './session-print.js';
import { settle, type Callback } from './settlement.js';
import { WebStore, type Data, type WebStoreOptions } from './web-store.js';

export { HttpSession, WebSession, type CookieSettings } from './web-session.js';

export interface FastifyOptions extends Omit<WebStoreOptions, 'ttl'> {
  /**
   * How long a session is there without being used, in seconds, where its cookie has no age; a function decides for all. Otherwise the
   * class's own `ttl`, which is the upper bound of either. It ends up to a tenth later.
   */
  readonly ttl?: number | ((session: Session) => number);
}

/** What @fastify/session keeps on `request.session` beside the data. */
const TAKEN = [
  'sessionId',
  'encryptedSessionId',
  'options',
  'touch',
  'regenerate',
  'get',
  'set',
  'destroy',
  'reload',
  'save',
  'isModified',
  'isSaved',
  'toJSON',
];

/** A request, as far as the hook looks at it. */
interface WithSession {
  readonly session?: { readonly sessionId?: string } | null | undefined;
}

/** What is to stand on the copy in the end. */
interface Link {
  readonly data: Data;
  /** Keys that cannot be copied by assignment. */
  readonly kept: readonly (readonly [string, PropertyDescriptor])[];
}

/**
 * Makes a store for @fastify/session: `app.register(session, { store: fastify({ store }), … })`.
 *
 * @throws {TwinstateError} `OPTION_INVALID`, and what is wrong with the class
 */
export function fastify(options: FastifyOptions): TwinstateStore {
  return new TwinstateStore(options);
}

/**
 * The store; each method takes a callback, and gives a promise where there is none. It emits `gone` with the id of a session that was
 * destroyed before it could be stored, and `disconnect` and `connect` as the connection to the engine goes and comes.
 */
export class TwinstateStore extends EventEmitter implements fastifySession.SessionStore {
  readonly #web: WebStore;
  /** What sessions held when they were read, begun or stored. */
  readonly #prints = new WeakMap<object, string | undefined>();
  readonly #links = new WeakMap<object, Link>();

  /** @internal use `fastify` */
  constructor(options: FastifyOptions) {
    super();
    this.#web = new WebStore(options as unknown as WebStoreOptions, TAKEN);
    watchLink(options.store, this);
  }

  /**
   * Begins a new visitor's session as its class does: `app.addHook('onRequest', sessions.begin)`, after @fastify/session. Without it a
   * new session has the attributes of its class only once it is stored.
   */
  readonly begin = (request: WithSession, _reply: unknown, done: () => void): void => {
    const { session } = request;
    // outside of the cookie's path there is a session without an id
    if (session?.sessionId !== undefined && !this.#prints.has(session)) {
      this.#web.begin(session);
      this.#compare(session);
    }
    done();
  };

  /** Opens a session for one request; `null` where there is none. */
  get(id: string, callback?: Callback<Session | null>): Promise<Session | null> {
    return settle(callback, async () => {
      const data = await this.#web.get(id);
      if (data === undefined) return null;
      if (callback !== undefined) this.#mark(data);
      return data as unknown as Session;
    });
  }

  /** Stores what this request has changed. A session that was destroyed meanwhile stays so; the event `gone` tells its id. */
  set(id: string, session: Session, callback?: Callback): Promise<void> {
    return settle(callback, async () => {
      this.#adopt(session);
      const isHeld = this.#web.isHeld(id, session);
      if (!isHeld) this.#web.begin(session);
      const print = printOf(session);
      // with `rolling`, its default, @fastify/session stores what others would touch
      const isUnchanged = isHeld && isSamePrint(print, this.#prints.get(session));
      const data = session as unknown as Data;
      const result = await (isUnchanged ? this.#web.touch(id, data) : this.#web.save(id, data));
      if (this.#prints.has(session)) this.#prints.set(session, print);
      else this.#compare(session, print);
      if (result === 'gone') this.emit('gone', id);
    });
  }

  destroy(id: string, callback?: Callback): Promise<void> {
    return settle(callback, async () => void (await this.#web.destroy(id)));
  }

  /**
   * Puts the link to the instance among what @fastify/session copies. It hashes its copy as JSON before anybody sees it: the link is
   * called on the copy then, as its `toJSON`, and takes itself off. Where it is not called, `set` finds it.
   */
  #mark(data: Data): void {
    const adopt = (session: object): void => this.#adopt(session);
    function link(this: Data): object {
      adopt(this);
      const { cookie: _, ...rest } = this;
      return rest;
    }
    const kept = ['toJSON', '__proto__'].flatMap((key) => {
      const property = Object.getOwnPropertyDescriptor(data, key);
      return property === undefined ? [] : [[key, property] as const];
    });
    this.#links.set(link, { data, kept });
    // assigned, as the framework does, this key would become the copy's prototype
    if (Object.hasOwn(data, '__proto__')) Object.defineProperty(data, '__proto__', { enumerable: false });
    Object.defineProperty(data, 'toJSON', { value: link, enumerable: true, configurable: true, writable: true });
  }

  /** Makes a copy of what `get` gave the request's session. */
  #adopt(session: object): void {
    const mark: unknown = Object.getOwnPropertyDescriptor(session, 'toJSON')?.value;
    const link = typeof mark === 'function' ? this.#links.get(mark) : undefined;
    if (link === undefined) return;
    Reflect.deleteProperty(session, 'toJSON');
    for (const [key, property] of link.kept) Object.defineProperty(session, key, property);
    this.#web.link(link.data, session);
    this.#compare(session);
  }

  /** Makes `isModified` see what a hash of JSON does not: Maps, Sets, bigints, buffers. A class begins after that hash was taken. */
  #compare(session: object, print = printOf(session)): void {
    const prints = this.#prints.set(session, print);
    if (!('isModified' in session)) return;
    Object.defineProperty(session, 'isModified', {
      configurable: true,
      writable: true,
      enumerable: false,
      value: () => !isSamePrint(printOf(session), prints.get(session)),
    });
  }
}
