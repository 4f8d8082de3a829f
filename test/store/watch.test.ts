/** A watcher is told of every new version and what changed in it, until the session ends. */
import { expect } from 'chai';
import type { SessionStore, WatchedChange } from '../../src/index.js';
import { Cart, Counter, SESSIONS, item } from './sessions.js';
import { clusterOf, inBothWorlds, until } from './world.js';

inBothWorlds('watch', (world) => {
  const cluster = clusterOf(world, 2, { sessions: SESSIONS, backups: 1 });
  const here = (): SessionStore => cluster().stores[0]!;
  const there = (): SessionStore => cluster().stores[1]!;

  function collect(changes: AsyncIterable<WatchedChange>): {
    readonly seen: WatchedChange[];
    readonly ended: Promise<void>;
    over: boolean;
  } {
    const seen: WatchedChange[] = [];
    const watched = { seen, over: false, ended: Promise.resolve() };
    watched.ended = (async () => {
      for await (const change of changes) seen.push(change);
      watched.over = true;
    })();
    return watched;
  }

  /** A watcher begins where its question meets the primary: changes something until every one of them has begun. */
  async function begun(store: SessionStore, counter: Counter, seen: () => boolean): Promise<void> {
    await until('the watchers have begun', async () => {
      counter.count++;
      await store.commit(counter);
      return seen();
    });
  }

  it('begins before what its caller commits next', async () => {
    for (let i = 0; i < 20; i++) {
      const cart = await there().create(Cart, { ...Cart.init, items: [] });
      const opened = (await here().open(Cart, there().idOf(cart)))!;
      const changes = here().watch(Cart, here().idOf(opened))[Symbol.asyncIterator]();
      opened.total++;
      const { version } = await here().commit(opened);
      expect(await changes.next()).to.deep.equal({ value: { version, paths: ['total'] }, done: false });
      await changes.return?.(undefined);
    }
  });

  it('tells versions and paths, from another process too, and ends at destroy', async () => {
    const cart = await here().create(Cart, { ...Cart.init, items: [item('tea', 1)] });
    const id = here().idOf(cart);
    const watchers = [here(), there()].map((store) => collect(store.watch(Cart, id)));
    const both = (i: number): Promise<void> =>
      until(`both see version ${i}`, () => watchers.every(({ seen }) => seen.at(-1)?.version === i));
    await until('both have begun', async () => {
      cart.total++;
      await here().commit(cart);
      return watchers.every(({ seen }) => seen.length > 0);
    });
    const from = here().versionOf(cart);
    await both(from);
    for (const { seen } of watchers) seen.length = 0;
    cart.items[0]!.qty = 2;
    await here().commit(cart);
    await both(from + 1);
    cart.coupon = 'SAVE10';
    cart.items.push(item('jam', 1));
    await here().commit(cart);
    await both(from + 2);
    await here().destroy(Cart, id);
    await Promise.all(watchers.map(({ ended }) => ended));
    for (const { seen } of watchers) {
      expect(seen.map(({ version }) => version)).to.deep.equal([from + 1, from + 2]);
      expect(seen[0]!.paths).to.deep.equal(['items[0].qty']);
      expect(seen[1]!.paths)
        .to.include('coupon')
        .and.to.satisfy((paths: string[]) => paths.some((path) => path.startsWith('items')));
    }
  });

  it('brings what a slow reader missed together in one change, and never an older version', async () => {
    const counter = await here().create(Counter);
    const id = here().idOf(counter);
    const changes = there().watch(Counter, id)[Symbol.asyncIterator]();
    let first: WatchedChange | undefined;
    void changes.next().then(({ value }) => (first = value as WatchedChange));
    await begun(here(), counter, () => first !== undefined);
    expect(first!.paths).to.deep.equal(['count']);
    const from = here().versionOf(counter);
    for (let i = 0; i < 20; i++) {
      counter.count++;
      counter.by[`k${i % 2}`] = i;
      await here().commit(counter);
    }
    const { value } = await changes.next();
    expect((value as WatchedChange).version).to.equal(from + 20);
    expect((value as WatchedChange).paths).to.include('count');
    await changes.return!();
  });

  it('says * where more was missed than is remembered', async () => {
    const counter = await here().create(Counter);
    const id = here().idOf(counter);
    const changes = there().watch(Counter, id)[Symbol.asyncIterator]();
    let first = false;
    void changes.next().then(() => (first = true));
    await begun(here(), counter, () => first);
    for (let i = 0; i < 1_200; i++) {
      counter.count++;
      void here().commit(counter, { ack: 'none' });
    }
    const { version } = await here().commit(counter);
    const { value } = await changes.next();
    expect(value).to.deep.equal({ version, paths: ['*'] });
    await changes.return!();
  });

  it('ends at once where there is no session', async () => {
    for await (const change of here().watch(Cart, 'never made')) expect.fail(`a change of nothing: ${change.version}`);
  });

  it('ends when the signal says so', async () => {
    const counter = await here().create(Counter);
    const controller = new AbortController();
    const watched = collect(there().watch(Counter, here().idOf(counter), { signal: controller.signal }));
    await begun(here(), counter, () => watched.seen.length > 0);
    controller.abort();
    await watched.ended;
    const before = watched.seen.length;
    counter.count = -1;
    await here().commit(counter);
    expect(watched.seen).to.have.length(before);
  });

  it('ends where the session was destroyed and its id created anew', async () => {
    const counter = await here().create(Counter);
    const id = here().idOf(counter);
    const watched = collect(there().watch(Counter, id));
    await begun(here(), counter, () => watched.seen.length > 0);
    await here().destroy(Counter, id);
    const anew = await here().create(Counter, { count: 7 }, { id });
    await watched.ended;
    const before = watched.seen.length;
    anew.count++;
    await here().commit(anew);
    expect(watched.seen).to.have.length(before);
  });
});
