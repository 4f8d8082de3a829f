import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import { expect } from 'chai';
import type { Express, Request } from 'express';
import type { SessionData } from 'express-session';
import passport from 'passport';
import { Strategy } from 'passport-local';
import { connect, memoryEngine, Mutable, Session, type SessionStore } from '../../src/index.js';
import { natsEngine } from '../../src/engine/nats/index.js';
import { express, HttpSession, WebSession, type TwinstateStore } from '../../src/integrations/express.js';
import { startNatsServer } from '../nats-server.js';
import { all, call, CASES, cookie, data, fresh, get, isGoneSoon, pause, set, touch, type StorePair } from './compliance.js';
import { EXPRESS } from './frameworks.js';
import { Browser, serve, type App } from './http.js';
import { ours } from './stores.js';

class LineItem {
  @Mutable() sku = '';
  @Mutable() quantity = 1;

  get label(): string {
    return `${this.quantity} x ${this.sku}`;
  }
}

@Session({ name: 'user-session', ttl: '1d' })
class UserSession extends WebSession {
  @Mutable({ type: () => LineItem, merge: 'append' }) cart: LineItem[] = [];
  @Mutable() user?: string;
  /** Transient. */
  asked = 0;
}

@Session({ name: 'long-session', ttl: '30d' })
class LongSession extends HttpSession {}

/** Its cookie ends with the browser. */
const ageless = (more: Record<string, unknown>): ReturnType<typeof data> =>
  data({ ...more, cookie: { originalMaxAge: null, path: '/' } });

const sessionOf = (request: Request): UserSession & Request['session'] => request.session as never;

describe('twinstate/express', function () {
  this.timeout(60_000);

  describe('as a store for express-session', () => {
    let pair: StorePair;
    before(async () => {
      pair = await ours(EXPRESS);
    });
    after(() => pair.close());

    for (const { group, name, run } of CASES.express) it(`${group}: ${name}`, () => run(pair));
  });

  describe('with a session class', () => {
    let store: SessionStore;
    const apps: App[] = [];
    const late: (string | undefined)[] = [];

    const routes = (app: Express): void => {
      app.get('/add/:sku', (request, response) => {
        sessionOf(request).asked++;
        sessionOf(request).cart.push(Object.assign(new LineItem(), { sku: request.params.sku }));
        response.json({ ok: true });
      });
      app.get('/', (request, response) => {
        const { cart, asked } = sessionOf(request);
        expect(asked, 'what is transient begins anew').to.equal(0);
        response.json({ labels: cart.map(({ label }) => label), isClass: cart.every((item) => item instanceof LineItem) });
      });
      app.get('/undeclared', (request, response) => {
        Object.assign(request.session, { colour: 'red' });
        response.json({ ok: true });
      });
      // oxlint-disable-next-line oxc/no-async-endpoint-handlers -- express 5 takes promises
      app.get('/undeclared/save', async (request, response) => {
        Object.assign(request.session, { colour: 'red' });
        await call((done) => request.session.save(done));
        response.json({ ok: true });
      });
      app.use(((
        error: { code?: string },
        _request: Request,
        response: { headersSent: boolean },
        next: (error: unknown) => void,
      ) => {
        if (response.headersSent) late.push(error.code);
        else next(error);
      }) as never);
    };

    before(async () => {
      store = await connect({ sessions: [UserSession] });
      for (let i = 0; i < 2; i++) apps.push(await serve(express({ store, session: UserSession }), routes));
    });
    after(async () => {
      await Promise.all(apps.map((app) => app.close()));
      await store.close();
    });

    it('gives each value back as its class', async () => {
      const browser = new Browser();
      await browser.get(apps[0]!, '/add/tea');
      await browser.get(apps[1]!, '/add/cup');
      expect((await browser.get(apps[0]!, '/')).body).to.deep.equal({ labels: ['1 x tea', '1 x cup'], isClass: true });
    });

    it('begins a session as the class does, and stores nothing for a visitor', async () => {
      const { body, setCookie } = await new Browser().get(apps[0]!, '/');
      expect({ body, setCookie }).to.deep.equal({ body: { labels: [], isClass: true }, setCookie: false });
    });

    it('keeps what the rules of the class keep of requests in parallel', async () => {
      const browser = new Browser();
      await browser.get(apps[0]!, '/add/tea');
      await Promise.all(Array.from({ length: 20 }, (_, i) => browser.get(apps[i % 2]!, `/add/item-${i}`)));
      expect((await browser.get(apps[0]!, '/')).body['labels']).to.have.length(21);
    });

    it('refuses a key that the class does not declare, with nothing stored', async () => {
      const browser = new Browser();
      await browser.get(apps[0]!, '/add/tea');
      const { status, body } = await browser.get(apps[0]!, '/undeclared/save');
      expect({ status, body }).to.deep.equal({ status: 500, body: { error: 'ATTRIBUTE_UNKNOWN' } });
      expect((await browser.get(apps[1]!, '/')).body['labels']).to.deep.equal(['1 x tea']);
    });

    it('tells the error handlers of the application what could not be stored after the answer', async () => {
      const browser = new Browser();
      await browser.get(apps[0]!, '/add/tea');
      late.length = 0;
      await browser.get(apps[0]!, '/undeclared');
      // the error handler runs beside the answer's last bytes
      for (let i = 0; i < 100 && late.length === 0; i++) await pause(20);
      expect(late).to.include('ATTRIBUTE_UNKNOWN');
    });

    it('refuses what is no session class', () => {
      expect(() => express({ store, session: class {} })).to.throw(/NOT_A_SESSION/);
    });

    it('refuses an attribute that express-session has a name of its own for', () => {
      @Session({ name: 'numbered' })
      class Numbered extends WebSession {
        @Mutable() id = 0;
      }
      expect(() => express({ store, session: Numbered })).to.throw(/OPTION_INVALID.*Numbered\.id/);
    });

    it('refuses a class without a place for the cookie', () => {
      @Session({ name: 'bare' })
      class Bare {
        @Mutable() user?: string;
      }
      expect(() => express({ store, session: Bare as never })).to.throw(/OPTION_INVALID.*extends WebSession/);
    });
  });

  describe('and how long a session is there', () => {
    let store: SessionStore;
    before(async () => {
      store = await connect({ sessions: [HttpSession, LongSession] });
    });
    after(() => store.close());

    it('is said by `ttl` where the cookie has no age', async () => {
      const web = express({ store, ttl: 1, prefix: 'a:' });
      const id = fresh();
      await set(web, id, ageless({ a: 1 }));
      expect((await all(web)).length).to.equal(1);
      await isGoneSoon(web, id);
      // destroyed, not only hidden
      expect(await store.open(HttpSession, `a:${id}`)).to.equal(undefined);
    });

    it('is said by a function before all, and zero ends it', async () => {
      const web = express({ store, ttl: (session: SessionData & { user?: string }) => (session.user === undefined ? 1 : 3_600) });
      const [guest, member] = [fresh(), fresh()];
      await set(web, guest, data({}));
      await set(web, member, data({ user: 'ada', cookie: cookie(500) }));
      await isGoneSoon(web, guest);
      await pause(600);
      expect((await get(web, member))?.['user']).to.equal('ada');
      const ended = express({ store, ttl: () => 0 });
      await set(ended, member, (await get(web, member))!);
      expect(await get(web, member)).to.equal(null);
    });

    it('leaves ended sessions out of `all`, though nobody has asked for them', async () => {
      const web = express({ store, prefix: 'b:' });
      await set(web, fresh(), data({ a: 1, cookie: cookie(300) }));
      for (let i = 0; (await all(web)).length > 0; i++) {
        expect(i).to.be.lessThan(100);
        await pause(50);
      }
    });

    it('costs a record only where it moves by a tenth', async () => {
      const web = express({ store, prefix: 'c:' });
      const id = fresh();
      await set(web, id, data({ a: 1, cookie: cookie(3_600_000) }));
      for (let i = 0; i < 20; i++) await touch(web, id, Object.assign((await get(web, id))!, { cookie: cookie(3_600_000 - i) }));
      expect(store.versionOf((await store.open(HttpSession, `c:${id}`))!)).to.equal(1);
      await touch(web, id, Object.assign((await get(web, id))!, { cookie: cookie(2 * 3_600_000) }));
      expect(store.versionOf((await store.open(HttpSession, `c:${id}`))!)).to.equal(2);
    });

    it('does not grow by reading with `disableTouch`', async () => {
      const web = express({ store, disableTouch: true });
      const id = fresh();
      await set(web, id, data({ a: 1, cookie: cookie(1_000) }));
      for (let i = 0; ; i++) {
        const session = await get(web, id);
        if (session === null || session === undefined) break;
        expect(i).to.be.lessThan(200);
        await touch(web, id, Object.assign(session, { cookie: cookie(1_000) }));
        await pause(50);
      }
    });

    it('is at most what the class says: a longer ttl is refused, a longer cookie is told', async () => {
      const days = 86_400;
      expect(() => express({ store, ttl: 2 * days })).to.throw(/OPTION_INVALID.*do not live that long/);
      for (const ttl of [0, -1, NaN, Infinity]) expect(() => express({ store, ttl })).to.throw(/OPTION_INVALID/);
      const web = express({ store, prefix: 'd:' });
      const told: unknown[] = [];
      const { emitWarning } = process;
      // what is expected needs no words on the console
      process.emitWarning = ((_message: string, details: object) => void told.push(details)) as never;
      try {
        for (let i = 0; i < 2; i++) await set(web, fresh(), data({ cookie: cookie(30 * days * 1_000) }));
      } finally {
        process.emitWarning = emitWarning;
      }
      expect(told).to.have.length(1);
      expect(told[0]).to.include({ code: 'TWINSTATE_TTL' });
    });

    it('is longer for a class that extends HttpSession, with any data', async () => {
      const web = express({ store, session: LongSession, ttl: 2 * 86_400 });
      const id = fresh();
      await set(web, id, data({ theme: 'dark', seen: new Set(['tea']) }));
      const { cookie: _, ...rest } = (await get(web, id))!;
      expect(rest).to.deep.equal({ theme: 'dark', seen: new Set(['tea']) });
    });
  });

  it('gives a new id at a login with passport, and the old one is of no use', async () => {
    const store = await connect({ sessions: [HttpSession], engine: memoryEngine() });
    const login = new passport.Passport();
    login.use(new Strategy((name, password, done) => done(null, password === 'tea' ? { name } : false)));
    login.serializeUser((user, done) => done(null, (user as { name: string }).name));
    login.deserializeUser((name: string, done) => done(null, { name }));
    const app = await serve(express({ store }), (routes) => {
      routes.use(login.session());
      routes.get('/visit', (request, response) => {
        Object.assign(request.session, { page: 7 });
        response.json({ ok: true });
      });
      routes.get('/login', login.authenticate('local'), (_request, response) => void response.json({ ok: true }));
      routes.get('/logout', (request, response, next) =>
        request.logout((error: unknown) =>
          error === undefined || error === null ? void response.json({ ok: true }) : next(error),
        ),
      );
      routes.get(
        '/',
        (request, response) => void response.json({ user: (request.user as { name: string } | undefined)?.name ?? null }),
      );
    });
    try {
      const browser = new Browser();
      await browser.get(app, '/visit');
      const stolen = Object.assign(new Browser(), { cookie: browser.cookie });
      expect((await browser.get(app, '/login?username=ada&password=wrong')).status).to.equal(401);
      expect((await browser.get(app, '/login?username=ada&password=tea')).status).to.equal(200);
      expect(browser.id).not.to.equal(stolen.id);
      expect((await browser.get(app, '/')).body).to.deep.equal({ user: 'ada' });
      expect((await stolen.get(app, '/')).body).to.deep.equal({ user: null });
      expect(await store.count(HttpSession)).to.equal(1);
      expect((await browser.get(app, '/logout')).status).to.equal(200);
      expect((await browser.get(app, '/')).body).to.deep.equal({ user: null });
    } finally {
      await app.close();
      await store.close();
    }
  });

  it('tells express-session when the connection is down for longer than a moment, and when it is back', async () => {
    const server = await startNatsServer();
    const store = await connect({
      sessions: [HttpSession],
      engine: natsEngine({ servers: server.url }),
      cluster: 'link',
      partitions: 1,
    });
    const web: TwinstateStore = express({ store });
    const told: string[] = [];
    for (const event of ['disconnect', 'connect']) web.on(event, () => told.push(event));
    try {
      const link = diagnostics.channel('twinstate:link');
      link.publish({ cluster: 'link', node: store.nodeId, up: false });
      link.publish({ cluster: 'link', node: store.nodeId, up: true });
      link.publish({ cluster: 'link', node: 'somebody-else', up: false });
      await pause(2_500);
      expect(told).to.deep.equal([]);

      const down = once(web, 'disconnect', { signal: AbortSignal.timeout(30_000) });
      await server.kill();
      await down;
      const up = once(web, 'connect', { signal: AbortSignal.timeout(30_000) });
      await server.restart();
      await up;
      expect(told).to.deep.equal(['disconnect', 'connect']);
    } finally {
      await store.close();
      await server.stop();
    }
  });
});
