/* oxlint-disable oxc/no-async-endpoint-handlers -- fastify takes promises */
import { once } from 'node:events';
import { expect } from 'chai';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { connect, memoryEngine, Mutable, Session, type SessionStore } from '../../src/index.js';
import { fastify, HttpSession, WebSession, type TwinstateStore } from '../../src/integrations/fastify.js';
import { call, CASES, cookie, data, fresh, isGoneSoon, pause, type StorePair } from './compliance.js';
import { FASTIFY, serveFastify } from './frameworks.js';
import { Browser, type App } from './http.js';
import { ours } from './stores.js';

class LineItem {
  @Mutable() sku = '';
  @Mutable() quantity = 1;

  get label(): string {
    return `${this.quantity} x ${this.sku}`;
  }
}

@Session({ name: 'visit', ttl: '1d' })
class Visit extends WebSession {
  @Mutable({ type: () => LineItem, merge: 'append' }) cart: LineItem[] = [];
  @Mutable() user?: string;
  @Mutable() seen = new Map<string, number>();
}
declare module 'fastify' {
  interface Session extends Omit<Visit, 'cookie'> {}
}

interface Params {
  readonly Params: { readonly what: string };
}

const versionOf = async (store: SessionStore, type: new () => object, id: string): Promise<number> =>
  store.versionOf((await store.open(type, `sess:${id}`))!);

describe('twinstate/fastify', function () {
  this.timeout(60_000);

  describe('as a store for @fastify/session', () => {
    let pair: StorePair;
    before(async () => {
      pair = await ours(FASTIFY);
    });
    after(() => pair.close());

    for (const { group, name, run } of CASES.fastify) it(`${group}: ${name}`, () => run(pair));
  });

  describe('with a session class, on two servers', () => {
    const stores: SessionStore[] = [];
    const webs: TwinstateStore[] = [];
    const apps: App[] = [];
    let free: (() => void) | undefined;

    const routes = (app: FastifyInstance): void => {
      app.get<Params>('/add/:what', ({ session, params }) => {
        session.cart.push(Object.assign(new LineItem(), { sku: params.what }));
        return { ok: true };
      });
      app.get('/', ({ session: { cart, user, seen } }) => ({
        labels: cart.map(({ label }) => label),
        isClass: cart.every((item) => item instanceof LineItem),
        user: user ?? null,
        seen: [...seen],
      }));
      app.get<Params>('/login/:what', async (request) => {
        await request.session.regenerate(['cart']);
        request.session.user = request.params.what;
        // what the class begins with is there at once
        return { seen: request.session.seen.size };
      });
      app.get<Params>('/see/:what', ({ session, params }) => {
        session.seen.set(params.what, (session.seen.get(params.what) ?? 0) + 1);
        return { ok: true };
      });
      app.get('/slow', async ({ session }) => {
        await new Promise<void>((resolve) => (free = resolve));
        session.user = 'too late';
        return { ok: true };
      });
      app.get('/logout', async ({ session }) => {
        await session.destroy();
        return { ok: true };
      });
      app.get('/undeclared', ({ session }: FastifyRequest) => {
        Object.assign(session, { colour: 'red' });
        return { ok: true };
      });
    };

    before(async () => {
      const engine = memoryEngine();
      for (const nodeId of ['web-1', 'web-2']) {
        stores.push(await connect({ sessions: [Visit], engine, cluster: 'web', nodeId, backups: 1, partitions: 4 }));
      }
      webs.push(...stores.map((store) => fastify({ store, session: Visit })));
      for (const web of webs) apps.push(await serveFastify(web, routes));
    });
    after(async () => {
      await Promise.all(apps.map((app) => app.close()));
      await Promise.all(stores.map((store) => store.close()));
    });

    it('begins a session as the class does, and stores nothing for a visitor', async () => {
      const { body, setCookie } = await new Browser().get(apps[0]!, '/');
      expect({ body, setCookie }).to.deep.equal({
        body: { labels: [], isClass: true, user: null, seen: [] },
        setCookie: false,
      });
    });

    it('gives each value back as its class, on either server', async () => {
      const browser = new Browser();
      await browser.get(apps[0]!, '/add/tea');
      await browser.get(apps[1]!, '/add/cup');
      const { body } = await browser.get(apps[0]!, '/');
      expect(body).to.include({ isClass: true });
      expect(body['labels']).to.deep.equal(['1 x tea', '1 x cup']);
    });

    it('keeps what the rules of the class keep of requests in parallel', async () => {
      const browser = new Browser();
      await browser.get(apps[0]!, '/add/tea');
      await Promise.all(Array.from({ length: 20 }, (_, i) => browser.get(apps[i % 2]!, `/add/item-${i}`)));
      expect((await browser.get(apps[0]!, '/')).body['labels']).to.have.length(21);
    });

    it('sees a Map that was changed in place, and an unchanged one as unchanged', async () => {
      const browser = new Browser();
      await browser.get(apps[0]!, '/see/a');
      await browser.get(apps[1]!, '/see/b');
      const { body, setCookie } = await browser.get(apps[0]!, '/');
      expect(body['seen']).to.deep.equal([['a', 1], ['b', 1]]); // prettier-ignore
      expect(setCookie, '`rolling` is off, and nothing was changed').to.equal(false);
    });

    it('gives a new id at a login, keeps what is to be kept, and the old id is of no use', async () => {
      const browser = new Browser();
      await browser.get(apps[0]!, '/add/tea');
      const stolen = Object.assign(new Browser(), { cookie: browser.cookie });
      expect((await browser.get(apps[1]!, '/login/ada')).body).to.deep.equal({ seen: 0 });
      expect(browser.id).not.to.equal(stolen.id);
      const { body } = await browser.get(apps[0]!, '/');
      expect(body).to.deep.include({ labels: ['1 x tea'], user: 'ada', isClass: true });
      expect((await stolen.get(apps[0]!, '/')).body).to.deep.include({ labels: [], user: null });
    });

    it('leaves who logged out so, and tells whose request came too late', async () => {
      const browser = new Browser();
      await browser.get(apps[0]!, '/add/tea');
      const { id } = browser;
      const late = Object.assign(new Browser(), { cookie: browser.cookie });
      const slow = late.get(apps[0]!, '/slow');
      while (free === undefined) await pause(10);
      await browser.get(apps[1]!, '/logout');
      const gone = once(webs[0]!, 'gone', { signal: AbortSignal.timeout(30_000) });
      free();
      expect((await slow).status).to.equal(200);
      expect(await gone).to.deep.equal([id]);
      expect((await late.get(apps[1]!, '/')).body).to.deep.include({ labels: [], user: null });
    });

    it('refuses a key that the class does not declare, by the answer itself, with nothing stored', async () => {
      const browser = new Browser();
      await browser.get(apps[0]!, '/add/tea');
      const { status, body } = await browser.get(apps[0]!, '/undeclared');
      expect({ status, code: body['code'] }).to.deep.equal({ status: 500, code: 'ATTRIBUTE_UNKNOWN' });
      expect((await browser.get(apps[1]!, '/')).body['labels']).to.deep.equal(['1 x tea']);
    });

    it('refuses an attribute that @fastify/session has a name of its own for', () => {
      @Session({ name: 'with-options' })
      class WithOptions extends WebSession {
        @Mutable() options = {};
      }
      expect(() => fastify({ store: stores[0]!, session: WithOptions })).to.throw(/OPTION_INVALID.*WithOptions\.options/);
    });
  });

  describe("with the plugin's own defaults", () => {
    let store: SessionStore;
    before(async () => {
      store = await connect({ sessions: [HttpSession, Visit] });
    });
    after(() => store.close());

    const served = async (
      web: TwinstateStore,
      run: (app: App, browser: Browser) => Promise<void>,
      more: object = {},
    ): Promise<void> => {
      const app = await serveFastify(
        web,
        (routes) => {
          routes.get('/', ({ session }) => Object.entries(session).filter(([key]) => key !== 'cookie'));
          routes.get('/big', ({ session }) => ({ ok: Object.assign(session, { big: 1n }) === session }));
          routes.get('/is', ({ session }) => ({ big: String((session as unknown as { big: unknown }).big) }));
        },
        { saveUninitialized: true, rolling: true, ...more },
      );
      try {
        await run(app, new Browser());
      } finally {
        await app.close();
      }
    };

    it('stores every visitor once, and a request that changes nothing sends the cookie, not a record', () =>
      served(
        fastify({ store }),
        async (app, browser) => {
          for (let i = 0; i < 5; i++) expect((await browser.get(app, '/')).setCookie).to.equal(true);
          expect(await versionOf(store, HttpSession, browser.id)).to.equal(1);
        },
        { cookie: { maxAge: 3_600_000 } },
      ));

    it('stores a session as its class begins, though nothing was put into it', () =>
      served(fastify({ store, session: Visit }), async (app, browser) => {
        await browser.get(app, '/');
        expect((await store.open(Visit, `sess:${browser.id}`))?.cart).to.deep.equal([]);
      }));

    it('does not let a session live on by requests that change nothing with `disableTouch`', () =>
      served(
        fastify({ store, disableTouch: true }),
        async (app, browser) => {
          await browser.get(app, '/');
          const { id } = browser;
          for (let i = 0; browser.id === id; i++) {
            expect(i, 'it lives on and on').to.be.lessThan(200);
            await browser.get(app, '/');
            await pause(50);
          }
        },
        { cookie: { maxAge: 1_000 } },
      ));

    it('sees a bigint that was put into a new session, with `saveUninitialized: false` too', () =>
      served(
        fastify({ store }),
        async (app, browser) => {
          await browser.get(app, '/big');
          expect((await browser.get(app, '/is')).body).to.deep.equal({ big: '1' });
        },
        { saveUninitialized: false, rolling: false },
      ));

    it('takes `__proto__` and `toJSON` for names of data', () =>
      served(fastify({ store }), async (app, browser) => {
        await browser.get(app, '/');
        const instance = (await store.open(HttpSession, `sess:${browser.id}`))!;
        for (const name of ['__proto__', 'toJSON']) {
          Object.defineProperty(instance, name, {
            value: { sessionId: 7 },
            enumerable: true,
            configurable: true,
            writable: true,
          });
        }
        await store.commit(instance);
        const { id } = browser;
        for (let i = 0; i < 2; i++) await browser.get(app, '/');
        expect(browser.id).to.equal(id);
        const kept = (await store.open(HttpSession, `sess:${id}`))!;
        expect(Object.getOwnPropertyDescriptor(kept, '__proto__')?.value).to.deep.equal({ sessionId: 7 });
        expect(Object.getOwnPropertyDescriptor(kept, 'toJSON')?.value).to.deep.equal({ sessionId: 7 });
      }));

    it('knows what a request started from in a copy that nobody hashed, too', async () => {
      const web = fastify({ store });
      const id = fresh();
      await web.set(id, data({ a: 1 }) as never);
      const copy: Record<string, unknown> = {};
      const found = (await call<object>((done) => void web.get(id, done as never))) as Record<string, unknown>;
      for (const key in found) copy[key] = found[key];
      await web.set(id, Object.assign((await web.get(id))!, { b: 2 }));
      await web.set(id, Object.assign(copy, { c: 3 }) as never);
      const { cookie: _, ...kept } = (await web.get(id))!;
      expect(kept).to.deep.equal({ a: 1, b: 2, c: 3 });
    });

    it('gives promises where there is no callback, and ends sessions by a function of them', async () => {
      const web = fastify({ store, ttl: (session) => (session.user === undefined ? 1 : 3_600) });
      const [guest, member] = [fresh(), fresh()];
      await web.set(guest, data({}) as never);
      await web.set(member, data({ user: 'ada', cookie: cookie(500) }) as never);
      await isGoneSoon(web as never, guest);
      expect(await web.get(member)).to.include({ user: 'ada' });
      await web.destroy(member);
      expect(await web.get(member)).to.equal(null);
    });
  });
});
