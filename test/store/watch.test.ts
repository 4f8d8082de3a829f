/** A watcher is told of every new version and what changed in it, until the session ends. */
import { expect } from 'chai';
import type { SessionStore, WatchedChange } from '../../src/index.js';
import { Cart, Counter, SESSIONS, item } from './sessions.js';
import { clusterOf, inBothWorlds, until } from './world.js';

inBothWorlds('watch', (world) => {
  const cluster = clusterOf(world, 2, { sessions: SESSIONS, backups: 1 });
  const here = (): SessionStore => cluster().stores[0]!;
  const there = (): SessionStore => cluster().stores[1]!;

  function collect(changes: AsyncIterable<WatchedChange>): { readonly seen: WatchedChange[]; readonly ended: Promise<void>; over: boolean } {
    const seen: WatchedChange[] = [];
    const watched = { seen, over: false, ended: Promise.resolve() };
    watched.ended = (async () => {
      for await (const change of changes) seen.push(change);
      watched.over = true;
    })();
    return watched;
  }

  it('tells versions and paths, from another process too, and ends at destroy', async () => {
    const cart = await here().create(Cart, { ...Cart.init, items: [item('tea', 1)] });
    const id = here().idOf(cart);
    const watchers = [here(), there()].map((store) => collect(store.watch(Cart, id)));
    const at = (i: number) => (): boolean => watchers.every(({ seen }) => seen.at(-1)?.version === i);
    cart.items[0]!.qty = 2;
    await here().commit(cart);
    await until('both see version 2', at(2));
    cart.coupon = 'SAVE10';
    cart.items.push(item('jam', 1));
    await here().commit(cart);
    await until('both see version 3', at(3));
    await here().destroy(Cart, id);
    await Promise.all(watchers.map(({ ended }) => ended));
    for (const { seen } of watchers) {
      expect(seen.map(({ version }) => version)).to.deep.equal([2, 3]);
      expect(seen[0]!.paths).to.deep.equal(['items[0].qty']);
      expect(seen[1]!.paths).to.include('coupon').and.to.satisfy((paths: string[]) => paths.some((path) => path.startsWith('items')));
    }
  });

  it('brings what a slow reader missed together in one change, and never an older version', async () => {
    const counter = await here().create(Counter);
    const id = here().idOf(counter);
    const changes = there().watch(Counter, id)[Symbol.asyncIterator]();
    const first = changes.next();
    counter.count = 1;
    await here().commit(counter);
    expect((await first).value).to.deep.equal({ version: 2, paths: ['count'] });
    for (let i = 0; i < 20; i++) {
      counter.count++;
      counter.by[`k${i % 2}`] = i;
      await here().commit(counter);
    }
    const { value } = await changes.next();
    expect((value as WatchedChange).version).to.equal(22);
    expect((value as WatchedChange).paths).to.include('count');
    await changes.return!();
  });

  it('says * where more was missed than is remembered', async () => {
    const counter = await here().create(Counter);
    const id = here().idOf(counter);
    const changes = there().watch(Counter, id)[Symbol.asyncIterator]();
    const first = changes.next();
    counter.count = 1;
    await here().commit(counter);
    await first;
    for (let i = 0; i < 400; i++) {
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
    counter.count = 1;
    await here().commit(counter);
    await until('the change is seen', () => watched.seen.length === 1);
    controller.abort();
    await watched.ended;
    counter.count = 2;
    await here().commit(counter);
    expect(watched.seen).to.have.length(1);
  });

  it('ends where the session was destroyed and its id created anew', async () => {
    const id = here().idOf(await here().create(Counter));
    const watched = collect(there().watch(Counter, id));
    await here().update(Counter, id, (counter) => void counter.count++);
    await until('the change is seen', () => watched.seen.length === 1);
    await here().destroy(Counter, id);
    const anew = await here().create(Counter, { count: 7 }, { id });
    await watched.ended;
    anew.count++;
    await here().commit(anew);
    expect(watched.seen).to.have.length(1);
  });
});
