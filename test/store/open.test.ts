/** An open gives an instance and a benchmark of its own; how fresh it is, the caller chooses. */
import { expect } from 'chai';
import type { SessionStore } from '../../src/index.js';
import { refused } from './refused.js';
import { Bag, Cart, Counter, SESSIONS, item } from './sessions.js';
import { clusterOf, inBothWorlds, until } from './world.js';

inBothWorlds('open and refresh', (world) => {
  const cluster = clusterOf(world, 2, { sessions: SESSIONS, backups: 1 });
  const here = (): SessionStore => cluster().stores[0]!;
  const there = (): SessionStore => cluster().stores[1]!;
  let client: SessionStore;
  before(async () => (client = await cluster().connect({ role: 'client', nodeId: 'client' })));

  it('open is undefined where there is no session, and where it was destroyed', async () => {
    expect(await here().open(Cart, 'never made')).to.equal(undefined);
    const id = here().idOf(await here().create(Counter));
    await there().destroy(Counter, id);
    for (const store of [here(), there(), client]) expect(await store.open(Counter, id)).to.equal(undefined);
  });

  it('a strong open sees every acknowledged commit, from every process', async () => {
    const counter = await here().create(Counter);
    const id = here().idOf(counter);
    for (let i = 1; i <= 10; i++) {
      counter.count = i;
      await here().commit(counter);
      for (const store of [here(), there(), client])
        expect((await store.open(Counter, id, { consistency: 'strong' }))!.count).to.equal(i);
    }
  });

  it('a local open on a backup shows its own copy, which follows', async () => {
    const counter = await here().create(Counter, { count: 1 });
    const id = here().idOf(counter);
    counter.count = 2;
    await here().commit(counter, { ack: { backups: 1 } });
    for (const store of [here(), there()]) expect((await store.open(Counter, id, { consistency: 'local' }))!.count).to.equal(2);
  });

  it('a local open where nothing is held asks the primary', async () => {
    const id = here().idOf(await here().create(Counter, { count: 3 }));
    expect((await client.open(Counter, id, { consistency: 'local' }))!.count).to.equal(3);
  });

  it('with atLeast never shows an older version, whatever the consistency', async () => {
    const counter = await here().create(Counter);
    const id = here().idOf(counter);
    for (let i = 0; i < 10; i++) {
      counter.count++;
      const { version } = await here().commit(counter);
      for (const consistency of ['local', 'primary', 'strong'] as const) {
        const seen = (await there().open(Counter, id, { consistency, atLeast: version }))!;
        expect(there().versionOf(seen)).to.equal(version);
      }
    }
    await refused(there().open(Counter, id, { atLeast: 1_000, timeoutMs: 150 }), 'UNAVAILABLE');
  });

  it('refuses the wrong class, an unknown consistency and a class that was not given to connect', async () => {
    const id = here().idOf(await here().create(Counter));
    const error = await refused(there().open(Bag, id), 'CLASS_UNKNOWN');
    expect(error.message).to.include('bag').and.to.include('counter');
    await refused(there().open(Counter, id, { consistency: 'eventual' as never }), 'OPTION_INVALID');
    await refused(there().open(class Other {}, id), 'NOT_A_SESSION');
    await refused(there().commit(Object.assign(new Counter(), {})), 'NOT_OPEN', 'not-stored');
  });

  it('refresh brings an instance up to date in place, and keeps the identity of every object', async () => {
    const cart = await here().create(Cart, { ...Cart.init, items: [item('tea', 1), item('jam', 1)] });
    const [tea, jam] = cart.items;
    const { items, notes } = cart;
    const other = (await there().open(Cart, here().idOf(cart)))!;
    other.items.reverse();
    other.items[1]!.qty = 9;
    other.items.push(item('milk', 1));
    other.notes.set('gift', 'yes');
    await there().commit(other);
    expect(await here().refresh(cart)).to.deep.equal({ version: 2, bytes: 0 });
    expect(cart).to.deep.equal(other);
    expect([cart.items, cart.notes]).to.have.ordered.members([items, notes]);
    expect(cart.items.slice(0, 2)).to.have.ordered.members([jam, tea]);
    expect(cart.socket).to.equal(undefined);
  });

  it('refresh throws away what was changed and not committed, and leaves transient members', async () => {
    const cart = await here().create(Cart, { ...Cart.init, items: [item('tea', 1)] });
    const socket = {};
    cart.socket = socket;
    const { items } = cart;
    cart.coupon = 'dropped';
    items[0]!.qty = 99;
    items.push(item('dropped', 1));
    cart.items = [];
    await here().refresh(cart);
    expect(cart.coupon).to.equal(undefined);
    expect(cart.items).to.deep.equal([item('tea', 1)]);
    expect(cart.socket).to.equal(socket);
    expect(await here().commit(cart)).to.deep.equal({ version: 1, bytes: 0 });
  });

  it('refresh of what is up to date changes nothing', async () => {
    const cart = await here().create(Cart, Cart.init);
    for (let i = 0; i < 3; i++) expect((await here().refresh(cart)).version).to.equal(1);
    cart.total = 1;
    expect((await here().commit(cart)).version).to.equal(2);
  });

  it('an instance lives as long as the application holds it, and no longer', async () => {
    const id = here().idOf(await here().create(Bag, { value: Array.from({ length: 1_000 }, () => 'x'.repeat(100)) }));
    const held: WeakRef<Bag>[] = [];
    for (let i = 0; i < 20; i++) {
      const bag = (await here().open(Bag, id))!;
      bag.other = i;
      await here().commit(bag);
      held.push(new WeakRef(bag));
    }
    expect(global.gc, 'run with --expose-gc').to.be.a('function');
    await until('the instances are collected', async () => {
      await new Promise((resolve) => setImmediate(resolve));
      global.gc!();
      return held.filter((ref) => ref.deref() !== undefined).length <= 1;
    });
  });
});
