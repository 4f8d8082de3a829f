/**
 * `twinstate/express`: a store for express-session.
 *
 * Invariant: express-session decides when a session is read, saved, touched and destroyed, as with any store; what is stored of it is
 * found by comparing, so a change that express-session does not see is stored too, and one that a request did not make is not.
 */
/* oxlint-disable typescript/no-misused-promises -- without a callback, each method gives a promise: what express-session ignores */
import { Store, type Session, type SessionData } from 'express-session';
import { jsonable } from './jsonable.js';
import { watchLink } from './link-watch.js';
import { settle, type Callback } from './settlement.js';
import { WebStore, type Data, type WebStoreOptions } from './web-store.js';

export { HttpSession, WebSession, type CookieSettings } from './web-session.js';

export interface ExpressOptions extends Omit<WebStoreOptions, 'ttl'> {
  /**
   * How long a session is there without being used, in seconds, where its cookie has no age; a function decides for all. Otherwise the
   * class's own `ttl`, which is the upper bound of either. It ends up to a tenth later.
   */
  readonly ttl?: number | ((session: SessionData) => number);
}

/** What express-session keeps on `req.session` beside the data. */
const TAKEN = ['id', 'req', 'touch', 'resetMaxAge', 'save', 'reload', 'destroy', 'regenerate'];

type Request = Parameters<Store['createSession']>[0];
type Generate = (request: Request) => void;

/**
 * Makes a store for express-session: `session({ store: express({ store }), … })`.
 *
 * @throws {TwinstateError} `OPTION_INVALID`, and what is wrong with the class
 */
export function express(options: ExpressOptions): TwinstateStore {
  return new TwinstateStore(options);
}

/**
 * The store; each method takes express-session's callback, and gives a promise where there is none. It emits `gone` with the id of a
 * session that was destroyed before it could be stored, and `disconnect` and `connect` as the connection to the engine goes and comes.
 */
export class TwinstateStore extends Store {
  readonly #web: WebStore;

  /** @internal use `express` */
  constructor(options: ExpressOptions) {
    super();
    this.#web = new WebStore(options as WebStoreOptions, TAKEN);
    watchLink(options.store, this);
    let generate: Generate | undefined;
    // express-session puts its own function here; what it makes begins as its class does, and is compared by JSON before it is stored
    Object.defineProperty(this, 'generate', {
      configurable: true,
      enumerable: true,
      get: () => generate,
      set: (given: Generate) => {
        generate = (request) => {
          given(request);
          this.#web.begin(request.session);
          jsonable(request.session);
        };
      },
    });
  }

  /** Opens a session for one request; `undefined` where there is none. */
  override get(id: string, callback?: Callback<SessionData | null>): Promise<SessionData | null> {
    return settle(callback, async () => {
      const data = await this.#web.get(id);
      if (data === undefined) return null;
      jsonable(data);
      return data as unknown as SessionData;
    });
  }

  /** Stores what this request has changed. A session that was destroyed meanwhile stays so; the event `gone` tells its id. */
  override set(id: string, session: SessionData, callback?: Callback): Promise<void> {
    return settle(callback, async () => this.#told(id, await this.#web.save(id, session as unknown as Data)));
  }

  /** Renews a session that express-session believes unchanged, and stores what it did not see. */
  override touch(id: string, session: SessionData, callback?: Callback): Promise<void> {
    return settle(callback, async () => this.#told(id, await this.#web.touch(id, session as unknown as Data)));
  }

  override destroy(id: string, callback?: Callback): Promise<void> {
    return settle(callback, async () => void (await this.#web.destroy(id)));
  }

  /** All sessions of this application as this process knows them, each with its `id`; none is renewed by it. */
  override all(callback?: Callback<SessionData[]>): Promise<SessionData[]> {
    return settle(callback, async () => {
      const sessions: SessionData[] = [];
      for await (const id of this.#web.ids()) {
        const data = await this.#web.peek(id);
        if (data !== undefined) sessions.push({ ...data, id } as unknown as SessionData);
      }
      return sessions;
    });
  }

  override clear(callback?: Callback): Promise<void> {
    return settle(callback, async () => {
      for await (const id of this.#web.ids()) await this.#web.destroy(id);
    });
  }

  /** How many sessions are stored, those included that the cookie has ended and nobody has asked for since. */
  override length(callback?: Callback<number>): Promise<number> {
    return settle(callback, async () => {
      let length = 0;
      for await (const _ of this.#web.ids()) length++;
      return length;
    });
  }

  /** Makes `req.session` of what `get` gave; its objects are those of the instance, so changing them in place is seen. */
  override createSession(request: Request, data: SessionData): Session & SessionData {
    const session = super.createSession(request, data);
    this.#web.link(data, session);
    jsonable(session);
    return session;
  }

  #told(id: string, result: 'saved' | 'gone'): void {
    if (result === 'gone') this.emit('gone', id);
  }
}
