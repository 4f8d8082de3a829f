/**
 * What people may expect of a store for express-session or @fastify/session, as cases that any store can be held against.
 *
 * Invariant: a case knows the store only through the interface of its framework, and works on two stores that share their sessions,
 * as two servers do. It rejects with what was not so.
 */
import { expect } from 'chai';
import type { SessionData, Store } from 'express-session';
import type { Framework, Handler } from './frameworks.js';
import { Browser, type App } from './http.js';

export interface StorePair {
  /** @fastify/session's interface is the first part of express-session's: `get`, `set`, `destroy`. */
  readonly first: Store;
  readonly second: Store;
  readonly framework: Framework;
  /** A store of the same sessions whose connection is gone; none where nothing can go. */
  cut(): Promise<Store | undefined>;
  close(): Promise<void>;
}

export interface ComplianceCase {
  readonly group: string;
  readonly name: string;
  run(pair: StorePair): Promise<void>;
}

type Data = SessionData & Record<string, unknown>;

export const cookie = (ageMs = 60_000): Data['cookie'] => ({
  originalMaxAge: ageMs,
  expires: new Date(Date.now() + ageMs),
  path: '/',
});
export const data = (more: Record<string, unknown>): Data => ({ cookie: cookie(), ...more });
let ids = 0;
export const fresh = (): string => `s${++ids}-${Math.random().toString(36).slice(2)}`;
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const call = <T>(work: (callback: (error: unknown, value?: T) => void) => void): Promise<T | undefined> =>
  new Promise((resolve, reject) => {
    let calls = 0;
    const timer = setTimeout(() => reject(new Error('the callback was never called')), 10_000);
    work((error, value) => {
      clearTimeout(timer);
      if (++calls > 1) reject(new Error('the callback was called twice'));
      else if (error === null || error === undefined) resolve(value);
      else reject(error);
    });
  });
export const get = async (store: Store, id: string): Promise<Data | null | undefined> => {
  const found = await call<Data | null>((done) => store.get(id, done as never));
  // what a store leaves there for its framework to call is no data
  if (found && Object.keys(found).includes('toJSON')) delete found['toJSON'];
  return found;
};
export const set = (store: Store, id: string, session: Data): Promise<void> =>
  call((done) => store.set(id, session, done)) as Promise<void>;
export const touch = (store: Store, id: string, session: Data): Promise<void> =>
  call((done) => store.touch?.(id, session, done as never)) as Promise<void>;
const destroy = (store: Store, id: string): Promise<void> => call((done) => store.destroy(id, done)) as Promise<void>;
export const all = async (store: Store): Promise<Data[]> => {
  const found = await call<Data[] | Record<string, Data>>((done) => store.all!(done as never));
  return Object.values(found ?? {});
};

/** Holds a session against the promise that it does not end early; a slow machine proves nothing. */
async function livesUntil(store: Store, id: string, end: number): Promise<void> {
  const found = await get(store, id);
  if (Date.now() < end) expect(found?.['a']).to.equal(1);
}

export async function isGoneSoon(store: Store, id: string): Promise<void> {
  const giveUp = Date.now() + 10_000;
  while (((await get(store, id)) ?? undefined) !== undefined) {
    expect(Date.now(), 'it is there for long after its time').to.be.lessThan(giveUp);
    await pause(50);
  }
}

async function withServers<T>(
  pair: StorePair,
  routes: Record<string, Handler>,
  run: (first: App, second: App, browser: Browser) => Promise<T>,
  options: object = {},
): Promise<T> {
  const { serve } = pair.framework;
  const apps = [await serve(pair.first, routes, options), await serve(pair.second, routes, options)] as const;
  try {
    return await run(...apps, new Browser());
  } finally {
    await Promise.all(apps.map((app) => app.close()));
  }
}

/** Two requests of which the first one has read its session before the second one begins, and ends after it. */
function gate(): { readonly entered: Promise<void>; enter(): Promise<void>; open(): void } {
  let entered!: () => void;
  let open!: () => void;
  const isEntered = new Promise<void>((resolve) => (entered = resolve));
  const isOpen = new Promise<void>((resolve) => (open = resolve));
  return {
    entered: isEntered,
    enter: () => {
      entered();
      return isOpen;
    },
    open: () => open(),
  };
}

/** What two requests do of which one overtakes the other. */
interface Race {
  readonly begin: Handler;
  /** What the slow one does when the other has ended (default: nothing). */
  readonly slow?: Handler;
  readonly fast: Handler;
  /** What the session says in the end. */
  readonly tell: Handler;
}

/** Lets a request read its session, another one at the other server begin and end, and only then the first one go on. */
async function overtake(
  pair: StorePair,
  { begin, slow, fast, tell }: Race,
  options: object = {},
): Promise<{ readonly status: number; readonly told: unknown }> {
  const { entered, enter, open } = gate();
  return withServers(
    pair,
    {
      '/begin': begin,
      '/slow': async (session, request) => {
        await enter();
        return slow?.(session, request);
      },
      '/fast': fast,
      '/': tell,
    },
    async (one, two, browser) => {
      await browser.get(one, '/begin');
      const late = browser.get(one, '/slow');
      await entered;
      await browser.get(two, '/fast');
      open();
      const { status } = await late;
      return { status, told: (await browser.get(two, '/')).body };
    },
    options,
  );
}

/** A request that changes nothing reads its session before another one changes it, and ends after it. */
async function readsSlowly(pair: StorePair, options: object = {}): Promise<void> {
  const race: Race = {
    begin: (session) => void (session['n'] = 1),
    fast: (session) => void (session['n'] = 2),
    tell: (session) => ({ n: session['n'] }),
  };
  expect((await overtake(pair, race, options)).told).to.deep.equal({ n: 2 });
}

/** What both frameworks ask of a store. */
const COMMON: readonly ComplianceCase[] = [
  ...group('store', {
    'knows no session that was not stored': async ({ first }) => {
      expect((await get(first, fresh())) ?? undefined).to.equal(undefined);
    },
    'gives back what was stored, on every server': async ({ first, second }) => {
      const id = fresh();
      await set(first, id, data({ user: 'ada', cart: { items: [{ sku: 'tea', qty: 2 }], note: null } }));
      for (const store of [first, second]) {
        const { cookie: _, ...rest } = (await get(store, id))!;
        expect(rest).to.deep.equal({ user: 'ada', cart: { items: [{ sku: 'tea', qty: 2 }], note: null } });
      }
    },
    "keeps the cookie's age and settings": async ({ first, second }) => {
      const id = fresh();
      await set(first, id, data({ cookie: Object.assign(cookie(), { secure: true, sameSite: 'lax' }) }));
      const kept = (await get(second, id))!.cookie as unknown as Record<string, unknown>;
      expect(kept).to.include({ originalMaxAge: 60_000, secure: true, sameSite: 'lax', path: '/' });
    },
    'replaces a session that is stored whole': async ({ first, second }) => {
      const id = fresh();
      await set(first, id, data({ a: 1, b: 2 }));
      await set(second, id, data({ a: 3 }));
      const { cookie: _, ...rest } = (await get(first, id))!;
      expect(rest).to.deep.equal({ a: 3 });
    },
    'gives each reader a copy of its own': async ({ first }) => {
      const id = fresh();
      await set(first, id, data({ list: [1] }));
      const one = (await get(first, id))!;
      (one['list'] as number[]).push(2);
      expect((await get(first, id))!['list']).to.deep.equal([1]);
    },
    'forgets what was destroyed, and minds no second time': async ({ first, second }) => {
      const id = fresh();
      await set(first, id, data({ a: 1 }));
      await destroy(second, id);
      await destroy(first, id);
      expect((await get(first, id)) ?? undefined).to.equal(undefined);
    },
    'holds any id': async ({ first, second }) => {
      for (const id of [`${fresh()} *.>`, `${fresh()}/ä€😀`, `${fresh()}:%2e`]) {
        await set(first, id, data({ id }));
        expect((await get(second, id))?.['id']).to.equal(id);
      }
    },
  }),
  ...group('values', {
    'dates are dates': async ({ first, second }) => {
      const id = fresh();
      await set(first, id, data({ at: new Date(5) }));
      expect((await get(second, id))!['at']).to.deep.equal(new Date(5));
    },
    'Maps, Sets, bigints, buffers and undefined arrive as they were': async ({ first, second }) => {
      const id = fresh();
      const values = {
        map: new Map([['a', { b: 1 }]]),
        set: new Set([1, 'x']),
        big: 12n,
        bytes: Buffer.from('abc'),
        none: undefined,
      };
      await set(first, id, data(values));
      const { cookie: _, ...rest } = (await get(second, id))!;
      expect(rest).to.deep.equal(values);
    },
    'what stands in two places is one object': async ({ first, second }) => {
      const id = fresh();
      const address = { city: 'Vienna' };
      await set(first, id, data({ home: address, work: address }));
      const read = (await get(second, id))!;
      expect(read['home']).to.equal(read['work']);
    },
  }),
  ...group('expiry', {
    "is there for its cookie's age, and gone afterwards": async ({ first, second }) => {
      const id = fresh();
      const since = Date.now();
      await set(first, id, data({ a: 1, cookie: cookie(1_000) }));
      await livesUntil(second, id, since + 1_000);
      await isGoneSoon(second, id);
    },
    'a session stored with no time left is gone': async ({ first, second }) => {
      const id = fresh();
      await set(first, id, data({ a: 1 }));
      await set(first, id, data({ a: 2, cookie: cookie(-1_000) }));
      expect((await get(second, id)) ?? undefined).to.equal(undefined);
    },
    'requests that change nothing keep it alive': async (pair) => {
      await withServers(
        pair,
        { '/in': (session) => void (session['user'] = 'ada'), '/': (session) => ({ user: session['user'] ?? null }) },
        async (one, two, browser) => {
          await browser.get(one, '/in');
          let last = Date.now();
          for (let i = 0; i < 6; i++) {
            await pause(300);
            const began = Date.now();
            const { user } = (await browser.get(i % 2 === 0 ? two : one, '/')).body;
            if (began - last < 900) expect(user, `request ${i}`).to.equal('ada');
            last = began;
          }
          await isGoneSoon(pair.first, browser.id);
          expect((await browser.get(two, '/')).body).to.deep.equal({ user: null });
        },
        // what renews a session that nobody changed: with fastify only this
        { cookie: { maxAge: 1_000 }, rolling: pair.framework.name === 'fastify' },
      );
    },
  }),
  ...group('requests', {
    'saveUninitialized: false stores and sets nothing for a visitor': (pair) =>
      withServers(pair, { '/': () => undefined }, async (one, _, browser) => {
        expect((await browser.get(one, '/')).setCookie).to.equal(false);
      }),
    'a session goes with its browser from server to server': (pair) =>
      withServers(
        pair,
        {
          '/add': (session) => void (session['n'] = ((session['n'] as number) ?? 0) + 1),
          '/': (session) => ({ n: session['n'] }),
        },
        async (one, two, browser) => {
          await browser.get(one, '/add');
          await browser.get(two, '/add');
          expect((await browser.get(one, '/')).body).to.deep.equal({ n: 2 });
        },
      ),
    'rolling sets the cookie each time, otherwise it is set once': async (pair) => {
      const routes = { '/': (session: { n?: number }) => void (session.n = 1), '/look': () => undefined } as Record<
        string,
        Handler
      >;
      for (const rolling of [false, true]) {
        await withServers(
          pair,
          routes,
          async (one, two, browser) => {
            expect((await browser.get(one, '/')).setCookie).to.equal(true);
            expect((await browser.get(two, '/look')).setCookie).to.equal(rolling);
          },
          { rolling, cookie: { maxAge: 60_000 } },
        );
      }
    },
    'regenerate gives a new id, and the old one is gone': (pair) =>
      withServers(
        pair,
        {
          '/in': (session) => void (session['user'] = 'ada'),
          '/again': (_, request) =>
            new Promise((resolve, reject) =>
              request.session.regenerate((error: unknown) => {
                if (error !== null && error !== undefined) return reject(error);
                (request.session as never as Record<string, unknown>)['user'] = 'bo';
                resolve(undefined);
              }),
            ),
          '/': (session) => ({ user: session['user'] ?? null }),
        },
        async (one, two, browser) => {
          await browser.get(one, '/in');
          const old = Object.assign(new Browser(), { cookie: browser.cookie });
          await browser.get(two, '/again');
          expect(browser.id).not.to.equal(old.id);
          expect((await browser.get(one, '/')).body).to.deep.equal({ user: 'bo' });
          expect((await old.get(one, '/')).body).to.deep.equal({ user: null });
        },
      ),
    'save and reload within a request': (pair) =>
      withServers(
        pair,
        {
          '/': async (session, request) => {
            session['a'] = 1;
            await call((done) => request.session.save(done));
            session['a'] = 2;
            await call((done) => request.session.save(done));
            session['b'] = 'dropped';
            await call((done) => request.session.reload(done));
            const now = request.session as never as Record<string, unknown>;
            return { a: now['a'], b: now['b'] ?? null };
          },
        },
        async (one, _, browser) => {
          expect((await browser.get(one, '/')).body).to.deep.equal({ a: 2, b: null });
        },
      ),
    'a Map changed in place is saved': (pair) =>
      withServers(
        pair,
        {
          '/begin': (session) => void (session['seen'] = new Map([['a', 1]])),
          '/more': (session) => void (session['seen'] as Map<string, number>).set('b', 2),
          '/': (session) => ({ seen: [...(session['seen'] as Map<string, number>)] }),
        },
        async (one, two, browser) => {
          await browser.get(one, '/begin');
          await browser.get(two, '/more');
          expect((await browser.get(one, '/')).body).to.deep.equal({ seen: [['a', 1], ['b', 2]] }); // prettier-ignore
        },
      ),
    'a bigint in a session breaks nothing': (pair) =>
      withServers(
        pair,
        { '/begin': (session) => void (session['big'] = 10n), '/': (session) => ({ big: String(session['big']) }) },
        async (one, two, browser) => {
          expect((await browser.get(one, '/begin')).status).to.equal(200);
          expect((await browser.get(two, '/')).body).to.deep.equal({ big: '10' });
        },
      ),
  }),
  ...group('errors', {
    'what cannot be kept is an error, and what was stored stays': async ({ first, second }) => {
      const id = fresh();
      await set(first, id, data({ a: 1 }));
      const error = await set(first, id, data({ a: 2, later: () => 1 })).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error, 'it was dropped without a word').to.be.instanceOf(Error);
      expect((await get(second, id))!['a']).to.equal(1);
    },
    'a store without its server says so, and requests are answered by errors': async (pair) => {
      const broken = await pair.cut();
      if (broken === undefined) return;
      const browser = new Browser();
      const routes: Record<string, Handler> = { '/': (session) => void (session['a'] = 1) };
      await withServers(pair, routes, async (one) => void (await browser.get(one, '/')));
      const works = [
        () => get(broken, browser.id),
        () => set(broken, fresh(), data({ a: 1 })),
        () => destroy(broken, browser.id),
      ];
      for (const work of works) {
        const error = await work().then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error).to.be.instanceOf(Error);
      }
      await withServers({ ...pair, first: broken }, routes, async (one) => {
        expect((await browser.get(one, '/')).status).to.equal(500);
      });
    },
  }),
  ...group('in parallel', {
    'two requests that change different keys keep both': async (pair) => {
      const { told } = await overtake(pair, {
        begin: (session) => void (session['a'] = 0),
        slow: (session) => void (session['slow'] = true),
        fast: (session) => void (session['fast'] = true),
        tell: ({ a, slow, fast }) => ({ a, slow, fast }),
      });
      expect(told).to.deep.equal({ a: 0, slow: true, fast: true });
    },
    'two requests that change different fields of one object keep both': async (pair) => {
      const { told } = await overtake(pair, {
        begin: (session) => void (session['prefs'] = { theme: 'light', size: 1 }),
        slow: (session) => void ((session['prefs'] as { theme: string }).theme = 'dark'),
        fast: (session) => void ((session['prefs'] as { size: number }).size = 2),
        tell: (session) => session['prefs'],
      });
      expect(told).to.deep.equal({ theme: 'dark', size: 2 });
    },
    'a request that changed nothing erases nothing': (pair) => readsSlowly(pair),
    'who logged out stays so, though a slower request ends later': async (pair) => {
      const { status, told } = await overtake(pair, {
        begin: (session) => void (session['user'] = 'ada'),
        slow: (session) => void (session['page'] = 7),
        fast: (_, request) => call((done) => request.session.destroy(done)),
        tell: (session) => ({ user: session['user'] ?? null }),
      });
      expect(status).to.equal(200);
      expect(told).to.deep.equal({ user: null });
    },
    '200 requests that each change another field keep all 200': async (pair) => {
      await withServers(
        pair,
        {
          '/begin': (session) => void (session['fields'] = {}),
          '/set/:n': async (session, request) => {
            // all have read before the first one writes
            await pause(20);
            (session['fields'] as Record<string, boolean>)[`f${String(request.params['n'])}`] = true;
          },
          '/': (session) => ({ count: Object.keys(session['fields'] as object).length }),
        },
        async (one, two, browser) => {
          await browser.get(one, '/begin');
          const answers = await Promise.all(
            Array.from({ length: 200 }, (_, n) => browser.get(n % 2 === 0 ? one : two, `/set/${n}`)),
          );
          // a request that was refused has told so, and kept nothing
          expect(answers.filter(({ status }) => status !== 200)).to.deep.equal([]);
          expect((await browser.get(one, '/')).body).to.deep.equal({ count: 200 });
        },
      );
    },
  }),
];

/** What only express-session asks of a store. */
const ONLY_EXPRESS: readonly ComplianceCase[] = [
  ...group('touching and listing', {
    'touches a session without changing it': async ({ first, second }) => {
      const id = fresh();
      await set(first, id, data({ a: 1 }));
      await touch(second, id, (await get(second, id))!);
      expect((await get(first, id))!['a']).to.equal(1);
    },
    'touches nothing into being': async ({ first }) => {
      const id = fresh();
      await touch(first, id, data({ a: 1 }));
      expect((await get(first, id)) ?? undefined).to.equal(undefined);
    },
    'a touch gives it its time anew': async ({ first, second }) => {
      const id = fresh();
      await set(first, id, data({ a: 1, cookie: cookie(1_000) }));
      let since = 0;
      for (let i = 0; i < 6; i++) {
        const session = await get(first, id);
        // a machine that stood still has let it end
        if (session === null || session === undefined) break;
        since = Date.now();
        await touch(second, id, Object.assign(session, { cookie: cookie(1_000) }));
        await pause(300);
      }
      await livesUntil(first, id, since + 1_000);
      await isGoneSoon(first, id);
    },
    'lists, counts and clears a thousand sessions': async ({ first, second }) => {
      await call((done) => first.clear!(done));
      const many = Array.from({ length: 1_000 }, (_, i) => i);
      await Promise.all(many.map((i) => set(i % 2 === 0 ? first : second, `many-${i}`, data({ i }))));
      expect(await call((done) => second.length!(done as never))).to.equal(1_000);
      const found = await all(second);
      expect(found.map((each) => each['i']).toSorted((a, b) => (a as number) - (b as number))).to.deep.equal(many);
      await call((done) => second.clear!(done));
      expect(await call((done) => first.length!(done as never))).to.equal(0);
    },
  }),
  ...group('in parallel', {
    'a request that changed nothing erases nothing, with resave': (pair) => readsSlowly(pair, { resave: true }),
  }),
];

export const CASES: Readonly<Record<Framework['name'], readonly ComplianceCase[]>> = {
  express: [...COMMON, ...ONLY_EXPRESS],
  fastify: COMMON,
};

function group(title: string, cases: Record<string, (pair: StorePair) => Promise<void>>): ComplianceCase[] {
  return Object.entries(cases).map(([name, run]) => ({ group: title, name, run }));
}
